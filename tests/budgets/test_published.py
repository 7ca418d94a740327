"""The published results: every part has them, and the pages and plots show them."""

from __future__ import annotations

import pytest

from bench import hops, pages
from bench.cost import WHOLE_PROCESSOR_GIGABYTES
from bench.figures import Findings
from bench.parts import PARTS
from bench.scene import memory_gigabytes
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


def test_the_published_model_of_latency_is_that_of_the_code():
    tables = Findings.load(pages.RESULTS / "latency.json").tables
    assert (tables["hops"], tables["model"]) == (hops.table(), hops.totals())


@pytest.mark.parametrize(
    ("hop", "function", "operation"),
    [
        (hops.SOCKET_CODE, "ws_message", "create a message by socket, CPU"),
        (hops.REST_CODE, "rest_api", "create a message by REST, CPU"),
    ],
)
def test_the_model_of_latency_gives_a_function_as_long_as_it_was_measured_to_take(
    hop: hops.Hop, function: str, operation: str
):
    measured = {one.name: one.value for one in Findings.load(pages.RESULTS / "hot.json").figures}
    share = min(memory_gigabytes()[function] / WHOLE_PROCESSOR_GIGABYTES, 1)
    # From run to run, a time differs by up to a fifth. A quieter machine takes less.
    assert 0.8 * measured[operation] / 1000 / share <= hop.p50 <= 2 * measured[operation] / 1000 / share


@pytest.mark.parametrize("part", PUBLISHED)
def test_a_plot_of_the_results_is_drawn(part: str):
    for plot in Findings.load(pages.RESULTS / f"{part}.json").plots:
        assert (REPOSITORY / "docs" / "images" / "bench" / f"{plot.name}.svg").exists()


@pytest.mark.parametrize("part", PUBLISHED)
def test_figures_have_names_of_their_own(part: str):
    names = [figure.name for figure in Findings.load(pages.RESULTS / f"{part}.json").figures]
    assert len(names) == len(set(names))
