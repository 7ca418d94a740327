"""What is published is offered, what is offered is published, and every parameter and field of it has its place."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.routing import Match

from parley.operations import OPERATIONS
from parley.records import REGISTRY
from parley.records.spec import Mount, Resource
from parley.rest.app import create_app
from tests.contract_tables.checker import operations
from tests.fakes import FakeClock

# Published operations that have no route. Whoever offers one takes it off this list.
NOT_OFFERED_YET: set[str] = set()
VERBS = {"Create": "create", "Fetch": "fetch", "List": "list", "Update": "update", "Delete": "delete"}
METHODS = {"create": "POST", "list": "GET", "fetch": "GET", "update": "POST", "delete": "DELETE"}
PAGING = {"PageSize", "Page", "PageToken"}
PUBLISHED = {
    f"{version}:{operation['id']}": operation for version in ("v1", "v2", "v3") for operation in operations(version)
}
OFFERED = {
    f"{mount.api}:{row.name}.{verb}": (row, mount, verb)
    for row in REGISTRY
    for mount in row.mounts
    for verb in mount.verbs
}
APP = create_app(lambda caller: pytest.fail("no request is carried out here"))


def shape(path: str) -> str:
    """A path template without the names of its parameters."""
    return re.sub(r"\{\w+\}", "{}", path)


def offered_as(name: str) -> tuple[Resource, Mount, str] | None:
    """The mount and verb that answer a published operation, if any."""
    operation = PUBLISHED[name]
    verb = VERBS[re.match("Create|Fetch|List|Update|Delete", operation["id"]).group()]  # type: ignore[union-attr]
    for row, mount, offered in OFFERED.values():
        path = mount.collection if verb in ("create", "list") else mount.path
        if offered == verb and shape(mount.api + path) == "/chat" + shape(operation["path"]):
            return row, mount, verb
    return None


def routed(method: str, path: str) -> str:
    """The name of the route that the app chooses for a request."""
    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
    for route in APP.routes:
        if route.matches(scope)[0] is Match.FULL:
            return route.name
    return ""


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_operation_has_a_route(name: str):
    if name in NOT_OFFERED_YET:
        assert offered_as(name) is None, "it is offered by now: take it off the list"
        return
    found = offered_as(name)
    assert found is not None
    row, mount, verb = found
    path = "/chat" + PUBLISHED[name]["path"].replace("{", "").replace("}", "")
    assert routed(PUBLISHED[name]["verb"], path) == f"{mount.api}:{row.name}.{verb}"


def test_nothing_is_left_that_is_not_offered_and_not_listed():
    assert {name for name in PUBLISHED if offered_as(name) is None} == NOT_OFFERED_YET


@pytest.mark.parametrize("name", OFFERED)
def test_every_verb_of_every_mount_has_a_route_and_an_operation(name: str):
    row, mount, verb = OFFERED[name]
    path = mount.api + (mount.collection if verb in ("create", "list") else mount.path) + mount.suffix
    assert routed(METHODS[verb], re.sub(r"\{(\w+)\}", r"\1", path)) == name
    assert callable(OPERATIONS[row.name, verb])


def test_no_two_routes_answer_the_same_request():
    found = [(method, shape(route.path)) for route in APP.routes for method in route.methods]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", [name for name, (_, mount, _) in OFFERED.items() if mount.api.startswith("/chat")])
def test_what_is_offered_as_chat_is_published(name: str):
    found = {
        offered[0].name + offered[1].api + offered[2] for offered in map(offered_as, PUBLISHED) if offered is not None
    }
    row, mount, verb = OFFERED[name]
    assert row.name + mount.api + verb in found


def schema_of(operation: dict[str, Any]) -> dict[str, Any]:
    """The published form of one item in an operation's answer."""
    schema = next(iter(operation["responses"].values()))
    if not operation["id"].startswith("List"):
        return schema
    (key,) = set(schema["properties"]) - {"meta"}
    return schema["properties"][key]["items"]


WITH_A_FORM = [name for name, operation in PUBLISHED.items() if operation["form"]]
LISTS = [name for name in PUBLISHED if ":List" in name]
WITH_AN_ANSWER = [name for name in PUBLISHED if ":Delete" not in name]


@pytest.mark.parametrize("name", WITH_A_FORM)
def test_an_operation_takes_exactly_the_published_parameters(name: str):
    found = offered_as(name)
    assert found is not None
    row, mount, verb = found
    taken = {field.form_name for field in row.form(verb) if mount.knows(verb, field.form_name)}
    assert taken == set(PUBLISHED[name]["form"])


@pytest.mark.parametrize("name", WITH_A_FORM)
def test_a_creation_needs_exactly_the_published_parameters(name: str):
    found = offered_as(name)
    assert found is not None
    row, mount, verb = found
    if verb == "create":
        needed = {field.form_name for field in row.form(verb) if field.required} | set(mount.requires.split())
        assert needed == set(PUBLISHED[name]["form_required"])


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_exactly_the_published_filters_and_page_sizes(name: str):
    found = offered_as(name)
    assert found is not None
    row, mount, _ = found
    query = PUBLISHED[name]["query"]
    taken = {field.form_name for field in row.filters if mount.knows("list", field.form_name)}
    assert taken == set(query) - PAGING
    assert mount.page_limits[1] == query["PageSize"]["maximum"]


@pytest.mark.parametrize("name", WITH_AN_ANSWER)
def test_a_view_shows_exactly_the_published_fields(name: str):
    found = offered_as(name)
    assert found is not None
    _, mount, _ = found
    shown = {part.partition("=")[0] for part in mount.view.names.split()}
    shown |= {"links"} if mount.view.links is not None else set()
    assert shown == set(schema_of(PUBLISHED[name])["properties"])


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_found_under_its_published_name(name: str):
    found = offered_as(name)
    assert found is not None
    row, mount, _ = found
    assert {mount.plural or row.plural, "meta"} == set(PUBLISHED[name]["responses"]["200"]["properties"])


@pytest.mark.parametrize("name", [name for name, operation in PUBLISHED.items() if operation["verb"] != "GET"])
def test_the_header_that_asks_for_webhooks_is_read_where_it_is_published(name: str):
    found = offered_as(name)
    assert found is not None
    _, mount, verb = found
    assert (verb in mount.webhooks.split()) == ("X-Twilio-Webhook-Enabled" in PUBLISHED[name]["headers"])


def test_rows_are_named_once():
    names = [row.name for row in REGISTRY]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", REGISTRY, ids=lambda row: row.name)
def test_the_fields_of_a_row_are_named_once_and_used(row: Resource):
    names = [field.name for field in row.fields]
    assert len(names) == len(set(names))
    shown = {part.rpartition("=")[2] for mount in row.mounts for part in mount.view.names.split()}
    for field in row.fields:
        is_shown = field.name in shown or field.name.split(".")[0] in shown
        assert is_shown or field.on, f"{field.name} is neither shown nor taken"


def test_the_clock_of_fakes_starts_at_noon():
    # Expectations of dates all over the specification rest on it.
    assert FakeClock().now_ms() == 1_768_478_400_000
