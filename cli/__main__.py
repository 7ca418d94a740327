"""`python -m cli`: the same as the installed command `parley`."""

from __future__ import annotations

import sys

from cli.main import run

if __name__ == "__main__":
    sys.exit(run())
