"""docs/reference/ is made from the rows, and current."""

from __future__ import annotations

import pytest

from parley.records import REGISTRY
from parley.records.spec import Resource
from tools import reference

PAGES = reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str):
    assert (reference.FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run: python -m tools.reference"


def test_there_is_a_page_for_each_resource_and_no_other():
    assert {path.name for path in reference.FOLDER.iterdir()} == set(PAGES)
    assert len(PAGES) == len(REGISTRY) + 1


@pytest.mark.parametrize("row", REGISTRY, ids=lambda row: row.name)
def test_a_page_names_every_path_parameter_and_field(row: Resource):
    page = PAGES[f"{row.name.replace('_', '-')}.md"]
    for mount in row.mounts:
        assert f"`{mount.api}{mount.path}{mount.suffix}`" in page
        for name in mount.view.names.split():
            assert f"`{name.partition('=')[0]}`" in page
        for field in row.fields:
            if any(verb in mount.verbs and mount.knows(verb, field.form_name) for verb in field.on.split()):
                assert field.form_name in page or field.form_name.split(".")[1] in page
