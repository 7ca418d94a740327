"""docs/reference/ and docs/openapi/ are made from the tables and from recorded examples, and current."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from twilio.http.http_client import HttpClient

from local.template.template import Template
from parley.faces import media
from tests.architecture.test_descriptions import is_a_sentence
from tests.support.lean import LeanClient
from tests.support.world import World
from tools import openapi, reference
from tools.api import examples, snippets, words
from tools.api.examples import BASE_URL, Example
from tools.published import Offered, offered

RESOURCES = reference.resources()
OFFERED = {f"{one.method} {one.path}": one for one in offered()}
STALE = "run: make reference"
Examples = dict[str, Example]


def every(names: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", list(names))


@pytest.fixture(scope="module")
def recorded(lean: LeanClient, template: Template) -> Examples:
    (table,) = template.tables()
    return examples.recorded(lambda: World(lean, table.name))


@pytest.fixture(scope="module")
def pages(recorded: Examples) -> dict[str, str]:
    return reference.pages(recorded)


@pytest.fixture(scope="module")
def documents(recorded: Examples) -> dict[str, dict[str, Any]]:
    return openapi.documents(recorded)


def document_of(documents: dict[str, dict[str, Any]], one: Offered) -> dict[str, Any]:
    return documents[f"{one.mount.face.name.replace('_', '-')}.json"]


def test_every_page_is_current(pages: dict[str, str]):
    stored = {path.name: path.read_text(encoding="utf-8") for path in reference.FOLDER.iterdir()}
    assert set(stored) == set(pages), STALE
    assert [name for name in pages if stored[name] != pages[name]] == [], STALE


def test_every_description_in_openapi_is_current(recorded: Examples):
    made = openapi.written(recorded)
    stored = {path.name: path.read_text(encoding="utf-8") for path in openapi.FOLDER.iterdir()}
    assert set(stored) == set(made), STALE
    assert [name for name in made if stored[name] != made[name]] == [], STALE


def test_there_is_a_page_for_each_resource_and_one_of_errors(pages: dict[str, str]):
    assert set(pages) == {"README.md", "errors.md", *(resource.file for resource in RESOURCES)}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.file)
def test_a_page_names_every_path_field_parameter_and_operation(pages: dict[str, str], resource: reference.Resource):
    page = pages[resource.file]
    for mount in resource.mounts:
        for name in mount.view.shown:
            assert f"`{name.shown}`" in page
        for verb in mount.verbs:
            assert f"`{Offered(mount, verb).method} {words.path_of(mount, verb)}`" in page
            assert f"### {verb.capitalize()}\n" in page
            for parameter in mount.form(verb):
                assert parameter.form_name in page or parameter.form_name.split(".")[1] in page


def test_no_filter_is_said_to_clear_anything(pages: dict[str, str]):
    for page in pages.values():
        filters = page.partition("## Filters of the list")[2].partition("## Operations")[0]
        assert "clears" not in filters


def test_every_operation_has_an_example(recorded: Examples):
    assert set(recorded) == set(OFFERED)


@every(OFFERED)
def test_an_answer_is_as_openapi_describes_it(recorded: Examples, documents: dict[str, dict[str, Any]], name: str):
    example, one = recorded[name], OFFERED[name]
    described = document_of(documents, one)["paths"][words.path_of(one.mount, one.verb)][one.method.lower()]
    assert str(example.status) in described["responses"]
    if not example.text:
        assert one.verb == "delete"
        return
    components = document_of(documents, one)["components"]
    answer = json.loads(example.text)
    schema = described["responses"][str(example.status)]["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": components}).validate(answer)
    assert one.verb == "list" or set(answer) == set(
        components["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    )


@every(name for name, one in OFFERED.items() if one.method == "POST")
def test_openapi_names_the_parameters_that_a_form_takes(documents: dict[str, dict[str, Any]], name: str):
    one = OFFERED[name]
    described = document_of(documents, one)["paths"][words.path_of(one.mount, one.verb)]["post"]
    taken = {parameter.form_name for parameter in one.mount.form(one.verb)}
    if one.mount is media.FILES:
        assert taken < {parameter["name"] for parameter in described["parameters"]}
        return
    schema = described["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert set(schema["properties"]) == taken


class Asked(Exception):
    """Ends a request once it is known."""


class Listening(HttpClient):
    """Remembers what the library asks for, and asks nobody."""

    def __init__(self) -> None:
        self.request_line = ("", "")
        self.form: dict[str, Any] = {}

    def request(self, method: str, uri: str, params: Any = None, data: Any = None, **options: Any) -> Any:
        self.request_line = (method, uri)
        self.form = dict(data or {})
        raise Asked


def test_the_examples_in_python_ask_for_what_was_recorded(
    recorded: Examples, pages: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    (made,) = re.findall(r"```python\n(.*?)```", pages["README.md"], re.DOTALL)
    for name, value in (("PARLEY_URL", BASE_URL), ("ACCOUNT_SID", "AC" + "0" * 32), ("AUTH_TOKEN", "token")):
        monkeypatch.setenv(name, value)
    found: dict[str, Any] = {}
    exec(made, found)
    client, http = found["client"], Listening()
    client.http_client = http
    known = {name: code for name, example in recorded.items() if (code := snippets.python(example))}
    assert {OFFERED[name].mount.face.name for name in set(OFFERED) - set(known)} == {"media_v1"}
    for name, code in known.items():
        with pytest.raises(Asked):
            exec(code, {"client": client})
        example = recorded[name]
        assert http.request_line == (OFFERED[name].method, BASE_URL + example.path)
        assert {parameter: texts(value) for parameter, value in http.form.items()} == {
            parameter: texts(value) for parameter, value in example.form.items()
        }


def test_the_examples_with_curl_ask_for_what_was_recorded(recorded: Examples):
    for name, example in recorded.items():
        command, *words = shlex.split(snippets.curl(example).replace("\\\n", ""))
        options = {option: words[at + 1] for at, option in enumerate(words) if option in ("-X", "-u")}
        fields = [words[at + 1].partition("=") for at, option in enumerate(words) if option == "--data-urlencode"]
        (url,) = (word for word in words if word.startswith("$PARLEY_URL"))
        assert command == "curl"
        assert options.get("-X", "GET") == OFFERED[name].method
        assert options["-u"] == "$ACCOUNT_SID:$AUTH_TOKEN"
        assert url.partition("?")[0] == "$PARLEY_URL" + example.path
        assert [(field, value) for field, _, value in fields] == [
            (field, text) for field, value in example.form.items() for text in texts(value)
        ]


def texts(value: Any) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in several]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.file)
def test_every_field_has_a_meaning_and_every_value_an_example(pages: dict[str, str], resource: reference.Resource):
    table = pages[resource.file].partition("## Fields\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) >= 4
    for name, type_, *_, example, meaning in rows:
        assert is_a_sentence(meaning.strip()), name
        assert example.strip() or "object" in type_, name


def test_a_detail_in_the_text_of_an_error_is_code_so_that_the_site_shows_it(pages: dict[str, str]):
    assert "| 400 | all | The request body could not be read: `{reason}` |" in pages["errors.md"]
    for page in pages.values():
        rows = [line for line in page.splitlines() if line.startswith("|")]
        assert [row for row in rows if re.search(r"[^`]\{\w+\}[^`/]", re.sub(r"`[^`]*`", "", row))] == []
