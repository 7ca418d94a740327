"""The published results: every part has them, and the pages and plots show them."""

from __future__ import annotations

import pytest

from bench import pages
from bench.figures import Findings
from bench.parts import PARTS
from local.home import REPOSITORY

PUBLISHED = sorted(path.stem for path in pages.results())


@pytest.mark.parametrize("part", [part.name for part in PARTS])
def test_a_part_has_published_results(part: str):
    assert Findings.load(pages.RESULTS / f"{part}.json").figures


def test_there_are_no_results_of_a_part_that_is_gone():
    assert {path.stem for path in pages.results()} <= {part.name for part in PARTS}


@pytest.mark.parametrize("name", [name for name in pages.PAGES if (REPOSITORY / "docs" / name).exists()])
def test_a_page_says_what_the_results_say(name: str):
    page = (REPOSITORY / "docs" / name).read_text()
    assert "<!-- measured: " in page
    assert pages.rendered(page) == page


@pytest.mark.parametrize("part", PUBLISHED)
def test_a_plot_of_the_results_is_drawn(part: str):
    for plot in Findings.load(pages.RESULTS / f"{part}.json").plots:
        assert (REPOSITORY / "docs" / "images" / "bench" / f"{plot.name}.svg").exists()


@pytest.mark.parametrize("part", PUBLISHED)
def test_figures_have_names_of_their_own(part: str):
    names = [figure.name for figure in Findings.load(pages.RESULTS / f"{part}.json").figures]
    assert len(names) == len(set(names))
