"""docs/reference/ is made from the mounts, and current."""

from __future__ import annotations

import pytest

from tools import reference

PAGES = reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str):
    assert (reference.FOLDER / name).read_text(encoding="utf-8") == PAGES[name], "run: python -m tools.reference"


def test_there_is_a_page_for_each_resource_and_no_other():
    assert {path.name for path in reference.FOLDER.iterdir()} == set(PAGES)
    assert len(PAGES) == len(reference.resources()) + 1


@pytest.mark.parametrize("resource", reference.resources(), ids=lambda resource: resource.name)
def test_a_page_names_every_path_parameter_and_field(resource: reference.Resource):
    page = PAGES[resource.file]
    for mount in resource.mounts:
        assert f"`{reference.path(mount)}`" in page
        assert (f"`{mount.route('fetch')}`" in page) is bool({"fetch", "update", "delete"} & set(mount.verbs))
        for name in mount.view.shown:
            assert f"`{name.shown}`" in page
        for verb in mount.verbs:
            for parameter in mount.form(verb):
                assert parameter.form_name in page or parameter.form_name.split(".")[1] in page


@pytest.mark.parametrize("name", PAGES)
def test_no_filter_is_said_to_clear_anything(name: str):
    assert "clears" not in PAGES[name].partition("## Filters of the list")[2].partition("## Shown")[0]
