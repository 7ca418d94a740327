"""What commands print: tables and sentences for people, JSON for programs.

Results go to standard output and everything else to standard error, so that a result can be piped. Colours and the
width of the terminal count only where there is a terminal; elsewhere nothing is coloured, cut or wrapped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WIDE = 10_000


class Output:
    """Prints one command's result."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        width = None if sys.stdout.isatty() else _WIDE
        self._console = Console(file=sys.stdout, width=width, highlight=False, soft_wrap=True, emoji=False)

    def json(self, value: Any) -> None:
        """Print a value as one line of JSON."""
        sys.stdout.write(f"{json.dumps(value)}\n")
        sys.stdout.flush()

    def line(self, text: str, style: str = "") -> None:
        """Print a line as it is."""
        self._console.print(escape(text), style=style or None)

    def marked(self, text: str) -> None:
        """Print a line with rich's marks for styles."""
        self._console.print(text)

    def facts(self, facts: Mapping[str, object]) -> None:
        """Print names and values, a line each, the values one below the other."""
        width = max(map(len, facts), default=0)
        for name, value in facts.items():
            shown = str(value)
            self._console.print(f"[bold]{escape(name.ljust(width))}[/]  {escape(shown)}".rstrip())

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], styles: Sequence[str] = ()) -> None:
        """Print a table; `styles` may give a style to each row."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in columns:
            table.add_column(name, overflow="fold")
        for number, row in enumerate(rows):
            style = styles[number] if styles else ""
            table.add_row(*(escape(str(cell)) for cell in row), style=style or None)
        if self._console.is_terminal:
            self._console.print(table, soft_wrap=False)
            return
        with self._console.capture() as captured:
            self._console.print(table, soft_wrap=False, crop=False)
        for line in captured.get().splitlines():
            sys.stdout.write(f"{line.rstrip()}\n")


def note(text: str) -> None:
    """Tell the person something beside the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
