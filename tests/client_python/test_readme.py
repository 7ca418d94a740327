"""The README of the Python client shows the signatures as they are in the code."""

from __future__ import annotations

import inspect

import parley_client
from tools.client_signatures import ATTRIBUTES, CLASSES, INTERNAL, PAGE, written

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_signatures_in_the_readme_are_those_of_the_code() -> None:
    assert written(TEXT) == TEXT, "run `python -m tools.client_signatures`"


def test_every_name_that_the_readme_may_leave_out_is_in_the_code() -> None:
    for name, left_out in INTERNAL.items():
        assert {one for one in left_out if not hasattr(getattr(parley_client, name), one)} == set()


def test_every_attribute_that_the_readme_names_is_set_by_its_class() -> None:
    for name, attributes in ATTRIBUTES.items():
        code = inspect.getsource(getattr(parley_client, name).__init__)
        assert {one for one in attributes if f"self.{one.partition(':')[0]}" not in code} == set()


def test_every_class_of_objects_with_methods_has_its_signatures() -> None:
    objects = {type_.__name__ for type_ in vars(parley_client).values() if isinstance(type_, type)}
    plain = {one for one in objects if issubclass(getattr(parley_client, one), parley_client.Event | Exception)}
    assert objects - plain == {*CLASSES, "EventStream", "LastMessage"}
