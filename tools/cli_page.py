"""The part of docs/cli.md that says what each command takes: its help, as the command prints it.

python -m tools.cli_page
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from cli.main import parley
from local.home import REPOSITORY

PAGE = REPOSITORY / "docs/cli.md"
_PART = re.compile(r"(?<=<!-- help: made by tools/cli_page.py -->\n).*?(?=<!-- end of help -->)", re.DOTALL)
# The options that every command takes are shown once.
_COMMON = ("--stack", "--region", "--profile", "--json", "-h, --help")


def written(page: str) -> str:
    """The page with the help as it is today."""
    return _PART.sub(lambda _: "".join(_helps()), page)


def _helps() -> Iterator[str]:
    for words, command in _commands("parley", parley):
        names = parley.context_settings["help_option_names"]
        context = click.Context(command, info_name=words, terminal_width=100, help_option_names=names)
        shown = command.get_help(context).splitlines()
        if words != "parley":
            shown = list(_without_common(shown))
        yield f"```\n{chr(10).join(shown).strip()}\n```\n\n"


def _commands(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(f"{words} {name}", command.commands[name])


def _without_common(lines: list[str]) -> Iterator[str]:
    is_common = has_options = False
    for line in lines:
        # Above the options, a line of the text may begin with the name of one.
        has_options = has_options or line == "Options:"
        if has_options and line.startswith("  -"):
            is_common = line.strip().startswith(_COMMON)
        elif not line.startswith("    "):
            is_common = False
        if (not is_common and line != "Options:") or (line == "Options:" and any(_is_own(other) for other in lines)):
            yield line


def _is_own(line: str) -> bool:
    return line.startswith("  -") and not line.strip().startswith(_COMMON)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
