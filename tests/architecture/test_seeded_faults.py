"""The list of seeded faults stays usable: a fault that cannot be seeded any more proves nothing."""

from __future__ import annotations

import pytest

from tools.seeded_faults.__main__ import Fault, listed, misplaced, untested


@pytest.mark.parametrize("fault", listed(), ids=str)
def test_a_seeded_fault_has_exactly_one_place(fault: Fault):
    assert misplaced(fault) == ""


@pytest.mark.parametrize("fault", listed(), ids=str)
def test_the_test_of_a_seeded_fault_exists(fault: Fault):
    assert untested(fault) == ""
