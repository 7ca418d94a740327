"""Forms with files, whatever stands in them: the file comes out as it went in, or the form is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.errors import INVALID_BODY, MEDIA_SIZE_REFUSED, MEDIA_TYPE_INVALID, Refusal
from parley.rest.media import read_file
from tests.rest.files import form

REFUSALS = (INVALID_BODY, MEDIA_SIZE_REFUSED, MEDIA_TYPE_INVALID)
# Pieces of which forms are made, and those that a reader may take for them.
PIECES = (
    b"--b0undary",
    b"--",
    b"\r\n",
    b"\r",
    b"\n",
    b"--b0undar",
    b"Content-Disposition: form-data; ",
    b'filename="a"',
)
HOSTILE = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=20).map(b"".join)


@given(HOSTILE.filter(lambda body: b"--b0undary" not in body and body != b""))
def test_a_file_comes_out_of_its_form_as_it_went_in(body: bytes):
    upload = read_file(*form((None, b"before"), ("a.bin", body), (None, b"after")))
    assert (upload.body, upload.filename, upload.is_multipart) == (body, "a.bin", True)


@given(HOSTILE)
def test_whatever_stands_in_a_form_is_a_file_or_is_refused(body: bytes):
    try:
        assert read_file(body, "multipart/form-data; boundary=b0undary").body
    except Refusal as refusal:
        assert refusal.error in REFUSALS


@given(HOSTILE, st.text(max_size=100))
def test_whatever_type_a_body_has_it_is_a_file_or_is_refused(body: bytes, content_type: str):
    try:
        assert read_file(body, content_type).body
    except Refusal as refusal:
        assert refusal.error in REFUSALS


@given(
    st.text(alphabet=st.characters(exclude_characters='"\\', exclude_categories=("Cc", "Cs")), min_size=1, max_size=50)
)
def test_a_name_in_a_form_is_read_as_utf_8(name: str):
    upload = read_file(*form((name, b"x")))
    assert upload.filename is None or upload.filename in name


@pytest.mark.parametrize("boundary", ['"b0undary"', "b0undary; charset=utf-8"])
def test_a_boundary_may_stand_in_quotes_and_before_other_parameters(boundary: str):
    body, _ = form(("a", b"x"))
    assert read_file(body, f"Multipart/Form-Data; boundary={boundary}").body == b"x"
