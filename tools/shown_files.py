"""`python -m tools.shown_files`: writes the files of this repository into the pages that show them.

A block with the name of a file of the repository (`title="examples/…"`) shows that file; a test fails if it is stale.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_BLOCK = re.compile(r'^(```\w+ title="([^"]+)"\n).*?^```$', re.DOTALL | re.MULTILINE)


def written(text: str) -> str:
    """A page with the files that it shows as they are."""

    def block(found: re.Match[str]) -> str:
        path = ROOT / found[2]
        return f"{found[1]}{path.read_text(encoding='utf-8')}```" if path.is_file() else found[0]

    return _BLOCK.sub(block, text)


def main() -> None:
    """Write every page whose files have changed."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (new := written(text)) != text:
            page.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
