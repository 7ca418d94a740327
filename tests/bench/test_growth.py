"""The cost of an operation does not grow with the place, unless it must: a small version of `bench.growth`."""

from __future__ import annotations

from typing import Any

import pytest

from bench.figures import Findings
from bench.growing import DIMENSIONS
from bench.growth import find, ratio
from bench.places import Dimension
from local.emulators.engine import Endpoints
from local.template.template import Template

_SIZES = {"messages": (10, 120), "members": (10, 60), "channels": (10, 120), "user": (1, 60), "guests": (0, 120)}


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=[dimension.name for dimension in DIMENSIONS])
def test_no_figure_grows_faster_than_it_may(dimension: Dimension, aws: Endpoints, template: Template, dynamodb: Any):
    # A client of its own, so that nobody else's requests are counted.
    found = Findings(tables={"curves": []})
    find(found, dimension, aws.client("dynamodb"), template.tables()[0].name, _SIZES[dimension.name], rounds=0)
    assert len(found.figures) >= len(found.plots[0].lines) >= 4
    assert [figure for figure in found.figures if figure.is_missed] == []


def test_a_ratio_says_how_many_times_as_large_a_count_became():
    assert (ratio(2, 6), ratio(3, 3), ratio(0, 0), ratio(0, 2)) == (3, 1, 1, 3)
