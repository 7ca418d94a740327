"""docs/coverage.md says what is true: every published operation has a route and a proof, and the file is current."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.proofs import NotProven, require_proof
from tools import coverage, published

NAMES = [operation.name for operation in published.published()]


def test_198_operations_are_published_beside_those_of_the_account_of_media_and_of_messaging():
    counts = Counter(name.partition(":")[0] for name in NAMES)
    assert counts == {"v2": 54, "v1": 40, "v3": 1, "conversations": 103, "media": 3, "messaging": 9, "2010": 11}
    assert len(NAMES) == len(set(NAMES)) == 198 + 3 + 9 + 11


@pytest.mark.parametrize("operation", list(published.published()), ids=lambda operation: operation.name)
def test_a_published_operation_has_a_route(operation: published.Published):
    assert published.answering()[operation] is not None


def test_every_route_is_published():
    answering = {answer.route for answer in published.answering().values() if answer is not None}
    assert {answer.route for answer in published.offered()} == answering


@pytest.mark.parametrize("name", NAMES)
def test_a_published_operation_has_a_proof(name: str):
    assert any(name in proof.operations for proof in coverage.proofs())


def test_nothing_else_is_proven():
    assert {name for proof in coverage.proofs() for name in proof.operations} == set(NAMES)


def test_a_mark_without_an_answer_is_no_proof():
    require_proof(["v2:FetchChannel"], ["v2:FetchChannel", "v2:ListChannel"])
    with pytest.raises(NotProven, match="v2:CreateChannel"):
        require_proof(["v2:CreateChannel", "v2:FetchChannel"], ["v2:FetchChannel"])


def test_the_document_is_current():
    assert coverage.DOCUMENT.read_text(encoding="utf-8") == coverage.render(), "run: python -m tools.coverage"
