"""The object store port: what operations may rely on."""

from __future__ import annotations

import hashlib

import pytest

from parley.ports.objects import Facts
from tests.support.objects import ObjectStore

KEY = "IS0123456789abcdef0123456789abcdef/ME0123456789abcdef0123456789abcdef"
BODY = b"a small picture"


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return ObjectStore(f"media-{hashlib.sha1(request.node.nodeid.encode()).hexdigest()}")


def test_a_stored_object_is_known_by_its_size_and_type(store: ObjectStore):
    store.port.put(KEY, BODY, "image/png")
    assert store.port.look(KEY) == Facts(len(BODY), "image/png")


def test_an_object_that_was_never_stored_is_not_known(store: ObjectStore):
    assert store.port.look(KEY) is None


def test_a_deleted_object_is_gone_and_can_be_deleted_again(store: ObjectStore):
    store.port.put(KEY, BODY, "image/png")
    store.port.delete(KEY)
    store.port.delete(KEY)
    assert store.port.look(KEY) is None
    assert store.keys() == []
