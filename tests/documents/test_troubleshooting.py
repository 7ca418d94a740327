"""The troubleshooting guide speaks of real errors: each code that it names is one that Parley answers with or logs."""

from __future__ import annotations

import re

from local.home import REPOSITORY

GUIDE = REPOSITORY / "docs" / "guides" / "troubleshooting.md"
SOURCES = (
    *(REPOSITORY / "layers" / "common" / "python" / "parley").rglob("*.py"),
    REPOSITORY / "template.yaml",
)


def test_each_code_of_the_guide_is_one_of_parleys() -> None:
    known = set(re.findall(r"\b\d{5}\b", "".join(path.read_text(encoding="utf-8") for path in SOURCES)))
    named = set(re.findall(r"(?<![\d,])(?:20|5\d)\d{3}\b(?!,\d)", GUIDE.read_text(encoding="utf-8")))
    assert len(named) > 20
    assert named <= known


def test_the_messages_that_the_guide_quotes_are_in_the_programs() -> None:
    programs = [REPOSITORY / "Makefile", *SOURCES]
    programs += [path for folder in ("cli", "local") for path in (REPOSITORY / folder).rglob("*.py")]
    printed = "".join(path.read_text(encoding="utf-8") for path in programs)
    for message in (
        "cannot be listened on",
        "is in use by another Parley, process",
        "Python 3.11 or later, with venv, is needed.",
        "there are several services: choose one with --service",
        "API keys are managed with the account's auth token",
        "Conversation is closed",
        "Python 3.13 with pip",
    ):
        assert message in GUIDE.read_text(encoding="utf-8")
        assert message in printed
