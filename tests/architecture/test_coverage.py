"""Every published operation is offered and every offered one is published, with each parameter and field."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.routing import Match

from parley.faces.names import Name
from parley.faces.registry import MOUNTS
from parley.faces.spec import Mount
from parley.operations.table import OPERATIONS
from parley.records import RECORDS
from parley.records.spec import COMMON_FIELDS, RecordType
from parley.rest.app import create_app
from tests.published.checker import operations
from tests.support.fakes import FakeClock
from tools.published import VERSIONS

# Published operations that have no route. Whoever offers one takes it off this list.
NOT_OFFERED_YET: set[str] = set()
# Published operations that have a route, but not yet every parameter.
NOT_WHOLE_YET: set[str] = set()
VERBS = {"Create": "create", "Fetch": "fetch", "List": "list", "Update": "update", "Delete": "delete"}
METHODS = {"create": "POST", "list": "GET", "fetch": "GET", "update": "POST", "delete": "DELETE"}
PAGING = {"PageSize", "Page", "PageToken"}
PUBLISHED = {
    f"{api}:{operation['id']}": operation for api in VERSIONS if api != "2010" for operation in operations(api)
}
OFFERED = {f"{verb} {mount.route(verb)}": (mount, verb) for mount in MOUNTS for verb in mount.verbs}
APP = create_app(lambda caller: pytest.fail("no request is carried out here"))


def shape(path: str) -> str:
    """A path template without the names of its parameters."""
    return re.sub(r"\{\w+\}", "{}", path)


def offered_as(name: str) -> tuple[Mount, str] | None:
    """The mount and verb that answer a published operation, if any."""
    operation = PUBLISHED[name]
    verb = VERBS[re.match("Create|Fetch|List|Update|Delete", operation["id"]).group()]  # type: ignore[union-attr]
    for mount, offered in OFFERED.values():
        if offered == verb and shape(mount.route(verb)) == shape(path_of(name)):
            return mount, verb
    return None


def path_of(name: str) -> str:
    """The path template of a published operation, as it is offered here."""
    return VERSIONS[name.partition(":")[0]].prefix + PUBLISHED[name]["path"]


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
    mount, verb = found
    path = path_of(name).replace("{", "").replace("}", "")
    assert routed(PUBLISHED[name]["verb"], path) == f"{mount.face.prefix}:{mount.resource}.{verb}"


def test_every_published_operation_is_offered_or_listed_as_not_offered():
    assert {name for name in PUBLISHED if offered_as(name) is None} == NOT_OFFERED_YET


@pytest.mark.parametrize("name", OFFERED)
def test_every_verb_of_every_mount_has_a_route_and_an_operation(name: str):
    mount, verb = OFFERED[name]
    route = f"{mount.face.prefix}:{mount.resource}.{verb}"
    assert routed(METHODS[verb], re.sub(r"\{(\w+)\}", r"\1", mount.route(verb))) == route
    assert callable(OPERATIONS[mount.resource, verb])


def test_no_two_routes_answer_the_same_request():
    found = [(method, shape(route.path)) for route in APP.routes for method in route.methods]
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", [name for name, (mount, _) in OFFERED.items() if mount.face.style == "modern"])
def test_parley_offers_no_operation_that_twilio_does_not_publish(name: str):
    mount, verb = OFFERED[name]
    assert any(
        METHODS[verb] == PUBLISHED[known]["verb"] and shape(mount.route(verb)) == shape(path_of(known))
        for known in PUBLISHED
    )


def schema_of(operation: dict[str, Any]) -> dict[str, Any]:
    """The published form of one item in an operation's answer."""
    schema = next(iter(operation["responses"].values()))
    if not operation["id"].startswith("List"):
        return schema
    (key,) = set(schema["properties"]) - {"meta"}
    return schema["properties"][key]["items"]


FINISHED = {name: operation for name, operation in PUBLISHED.items() if name not in NOT_OFFERED_YET | NOT_WHOLE_YET}
WITH_A_FORM = [name for name, operation in FINISHED.items() if operation["form"]]
LISTS = [name for name in FINISHED if ":List" in name]
WITH_AN_ANSWER = [name for name in FINISHED if ":Delete" not in name]


# Apple recommends keys instead of certificates, and Twilio's parameters are older than they are.
OF_PARLEY = {"credential": {"KeyId", "TeamId", "BundleId"}}


@pytest.mark.parametrize("name", WITH_A_FORM)
def test_an_operation_takes_exactly_the_published_parameters(name: str):
    found = offered_as(name)
    assert found is not None
    mount, verb = found
    taken = {parameter.form_name for parameter in mount.form(verb)}
    assert taken == set(PUBLISHED[name]["form"]) | OF_PARLEY.get(mount.resource, set())


@pytest.mark.parametrize("name", WITH_A_FORM)
def test_a_creation_needs_exactly_the_published_parameters(name: str):
    found = offered_as(name)
    assert found is not None
    mount, verb = found
    if verb == "create":
        needed = {parameter.form_name for parameter in mount.form(verb) if parameter.is_required}
        assert needed == set(PUBLISHED[name]["form_required"])


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_exactly_the_published_filters_and_page_sizes(name: str):
    found = offered_as(name)
    assert found is not None
    mount, _ = found
    query = PUBLISHED[name]["query"]
    taken = {parameter.form_name for parameter in mount.form("list")}
    assert taken == set(query) - PAGING
    assert mount.page_limits[1] == query["PageSize"]["maximum"]


@pytest.mark.parametrize("name", WITH_AN_ANSWER)
def test_a_view_shows_exactly_the_published_fields(name: str):
    found = offered_as(name)
    assert found is not None
    mount, _ = found
    shown = {name.shown for name in mount.view.shown}
    shown |= {"links"} if mount.view.links is not None else set()
    assert shown == set(schema_of(PUBLISHED[name])["properties"])


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_found_under_its_published_name(name: str):
    found = offered_as(name)
    assert found is not None
    mount, _ = found
    assert {mount.key, "meta"} == set(PUBLISHED[name]["responses"]["200"]["properties"])


@pytest.mark.parametrize("name", [name for name, operation in FINISHED.items() if operation["verb"] != "GET"])
def test_the_header_that_asks_for_webhooks_is_read_where_it_is_published(name: str):
    found = offered_as(name)
    assert found is not None
    mount, verb = found
    assert (verb in mount.webhooks.split()) == ("X-Twilio-Webhook-Enabled" in PUBLISHED[name]["headers"])


def leaves(mount: Mount) -> set[str]:
    """The stored fields that a mount shows."""

    def below(names: tuple[Name, ...], within: str) -> set[str]:
        found: set[str] = set()
        for name in names:
            path = within + name.field
            is_one_object = path in mount.record.by_name
            found |= below(name.parts, f"{path}.") if name.parts and not is_one_object else {path}
        return found

    return below(mount.view.shown, "")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_the_fields_of_a_record_are_named_once(record: RecordType):
    names = [field.name for field in record.fields]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("mount", MOUNTS, ids=lambda mount: f"{mount.face.name} {mount.resource} {mount.plural}")
def test_a_mount_shows_only_what_its_record_declares(mount: Mount):
    known = {*COMMON_FIELDS, *mount.record.by_name, *(field.name for field in mount.record.computed), "url", "uri"}
    assert leaves(mount) <= known


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_every_field_of_a_record_is_shown_or_taken_somewhere(record: RecordType):
    mounts = [mount for mount in MOUNTS if mount.record is record]
    used = {name for mount in mounts for name in leaves(mount)}
    used |= {parameter.name for mount in mounts for verb in mount.verbs for parameter in mount.form(verb)}
    # Faces show `is_notifiable`, which is computed from it.
    assert {field.name for field in record.fields} - used <= {"bindings_count"}


def test_the_clock_of_fakes_starts_at_noon():
    # Many tests expect dates that follow from it.
    assert FakeClock().now_ms() == 1_768_478_400_000
