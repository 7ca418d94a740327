"""The commands that the documents name: each exists, with the options that it is given there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from cli.main import parley
from local.home import REPOSITORY

_COMMAND = re.compile(r"(?:\./parley|`parley) ([^`\n|#]*)")


def documented() -> Iterator[tuple[str, str]]:
    for document in sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md")]):
        for found in _COMMAND.finditer(document.read_text(encoding="utf-8")):
            # What stands in brackets is for the reader to fill in.
            said = re.sub(r"<[^>]*>|\$\w+|\$\([^)]*\)", "x", found[1]).strip().rstrip('",.;:)')
            yield document.name, said.replace("…", "")


@pytest.mark.parametrize(("document", "said"), sorted(set(documented())))
def test_a_documented_command_exists_with_its_options(document: str, said: str):
    words = said.split()
    known: click.Command = parley
    options = options_of(known)
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            name, _, value = word.partition("=")
            assert name in options, f"{document}: {said}"
            if not value and not options[name].is_flag and words:
                words.pop(0)
        elif isinstance(known, click.Group):
            assert word in known.commands, f"{document}: {said}"
            known = known.commands[word]
            options |= options_of(known)


def options_of(command: click.Command) -> dict[str, click.Option]:
    """A command's options, by the ways to write them."""
    found = [one for one in command.params if isinstance(one, click.Option)]
    helping = click.Option(["--help", "-h"], is_flag=True)
    return {name: one for one in (*found, helping) for name in one.opts}


def test_documents_name_commands():
    assert {"operating.md", "security.md", "cli.md"} <= {document for document, _ in documented()}
