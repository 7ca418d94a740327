"""Files: which types and names they may have, what their beginning tells, and how browsers are told to show them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.domain.media import (
    LONGEST_FILENAME,
    SNIFFED_BYTES,
    check_content_type,
    clean_filename,
    disposition,
    is_gone,
    sniffed,
)
from parley.errors import MEDIA_TYPE_INVALID, Refusal

BEGINNINGS = [
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
    (b"GIF89a\x01\x00", "image/gif"),
    (b"GIF87a\x01\x00", "image/gif"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
    (b"II*\x00\x08\x00\x00\x00", "image/tiff"),
    (b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
    (b"\x00\x00\x00\x20ftypavif\x00\x00\x00\x00", "image/avif"),
    (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "image/heic"),
    (b"\x00\x00\x00\x20ftypM4A \x00\x00\x00\x00", "audio/mp4"),
    (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", "video/quicktime"),
    (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "video/mp4"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01", "video/webm"),
    (b"RIFF\x24\x00\x00\x00AVI LIST", "video/x-msvideo"),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
    (b"OggS\x00\x02", "audio/ogg"),
    (b"fLaC\x00\x00\x00\x22", "audio/flac"),
    (b"#!AMR\n<", "audio/amr"),
    (b"ID3\x04\x00", "audio/mpeg"),
    (b"%PDF-1.7\n", "application/pdf"),
    (b"PK\x03\x04\x14\x00", "application/zip"),
    (b"RIFF\x24\x00\x00\x00what", "application/octet-stream"),
    (b"\x00\x01\x02\x03", "application/octet-stream"),
    (b"\xfe\xff\x00h\x00i", "application/octet-stream"),
    (b"hello\nworld\t\r\n", "text/plain"),
    ("Übersicht".encode(), "text/plain"),
    # What could run is never guessed.
    (b"<!DOCTYPE html><script>alert(1)</script>", "text/plain"),
    (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "text/plain"),
]


@pytest.mark.parametrize(("body", "expected"), BEGINNINGS, ids=lambda value: str(value)[:40])
def test_the_beginning_of_a_file_tells_its_type(body: bytes, expected: str):
    assert sniffed(body) == expected


def test_a_character_that_is_cut_off_at_the_end_of_the_beginning_leaves_the_rest_text():
    for offset in range(4):
        body = b"x" * (SNIFFED_BYTES - offset) + "😀".encode() * 2
        assert sniffed(body) == "text/plain"
    assert sniffed(b"x" * 10 + b"\xf0\x28\x8c\x28" + b"x" * 600) == "application/octet-stream"


@given(st.binary(max_size=600))
def test_whatever_a_file_holds_its_guessed_type_is_valid_and_cannot_run(body: bytes):
    content_type = sniffed(body)
    assert check_content_type(content_type) == content_type
    assert not set(content_type.split("/")) & {"html", "svg+xml", "xml", "javascript"}


@pytest.mark.parametrize(
    "text",
    [
        "image/png",
        "IMAGE/PNG",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "text/plain; charset=utf-8",
        'text/plain;charset="utf-8"; format=flowed',
        'video/mp4; codecs="avc1.42E01E, mp4a.40.2"',
        "text/plain; name*=utf-8''a",
        "video/webm;codecs=vp8,opus",
        "video/webm; codecs=vp8, opus",
        "image/svg+xml",
        "x-test/y",
        f"a/{'b' * 127}",
    ],
)
def test_a_media_type_is_kept_as_it_is(text: str):
    assert check_content_type(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "text", "text/", "/plain", "a/b/c", "text/plain\r\nX-Evil: 1", "text/plain\n", " text/plain", "té/x"),
        *("text/plain;", "text/plain; charset", "text/plain, image/png", "text/pl ain", f"a/{'b' * 128}", "*/*"),
        f"text/plain; a={'b' * 255}",
        *('text/plain; a="b', 'text/plain; a=b"c"', 'text/plain; a="b\\"c"', 'text/plain; a="b"c'),
    ],
)
def test_a_wrong_media_type_is_refused(text: str):
    with pytest.raises(Refusal) as caught:
        check_content_type(text)
    assert caught.value.error is MEDIA_TYPE_INVALID


@pytest.mark.parametrize(
    "hidden",
    [
        "a=b,text/html",
        "a=b, text/html",
        'a="b",text/html',
        "a='b,text/html",
        'a="b\\",text/html',
        "a,text/html;b=c",
        "a=b,c;d=e/f",
    ],
)
def test_a_second_type_behind_a_comma_is_refused(hidden: str):
    """Browsers believe the last type of a list, so that a file which is shown in place would be a page that runs."""
    with pytest.raises(Refusal) as caught:
        check_content_type(f"image/png;{hidden}")
    assert caught.value.error is MEDIA_TYPE_INVALID


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("cat.png", "cat.png"),
        ("Übersicht 😀.png", "Übersicht 😀.png"),
        ("👩‍👩‍👧.png", "👩‍👩‍👧.png"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\pictures\\cat.png", "cat.png"),
        ("a/b", "b"),
        ("a\x00b\r\nc\x7f\x85.txt", "abc.txt"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c.txt", "a.txt"),
        ("a\u2028b\u2029", "ab"),
        (" a.txt ", "a.txt"),
        ("", None),
        ("..", None),
        (".", None),
        ("a/", None),
        ("\x00", None),
        ("x" * LONGEST_FILENAME, "x" * LONGEST_FILENAME),
    ],
)
def test_a_file_name_loses_its_folders_and_what_steers_text(given: str, kept: str | None):
    assert clean_filename(given) == kept


@given(st.text(max_size=LONGEST_FILENAME))
def test_a_clean_name_stays_as_it_is(text: str):
    name = clean_filename(text)
    assert name is None or clean_filename(name) == name


SHOWN = ["image/png", "IMAGE/JPEG", "audio/mpeg", "video/mp4", "application/pdf", "application/pdf; version=1"]
SAVED = [
    *("text/html", "image/svg+xml", "IMAGE/SVG+XML; charset=utf-8", "application/xml", "text/xml", "text/javascript"),
    *("application/javascript", "application/xhtml+xml", "text/plain", "application/octet-stream", "x-made/up"),
    *("image/xml", "video/x+xml"),
]


@pytest.mark.parametrize("content_type", SHOWN)
def test_a_file_that_cannot_run_is_shown_inline(content_type: str):
    assert disposition(content_type, None) == "inline"


@pytest.mark.parametrize("content_type", SAVED)
def test_everything_else_is_saved(content_type: str):
    assert disposition(content_type, None) == "attachment"


def test_a_disposition_has_the_name_in_two_forms():
    said = disposition("image/png", 'Üb"er%\\.png')
    assert said == "inline; filename=\"_b_er__.png\"; filename*=UTF-8''%C3%9Cb%22er%25%5C.png"


@given(st.text(max_size=LONGEST_FILENAME))
def test_a_disposition_is_always_one_line_of_ascii(text: str):
    said = disposition("image/png", clean_filename(text))
    assert said.isascii() and said.isprintable() and said.count('"') in (0, 2)


def test_a_file_is_gone_from_the_first_millisecond_of_its_last_second_on():
    assert not is_gone({"expires_at": 1000}, 999_999)
    assert is_gone({"expires_at": 1000}, 1_000_000)
    assert not is_gone({}, 10**15)
