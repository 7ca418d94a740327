"""Documents: their links lead somewhere, and the files that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.home import REPOSITORY
from tests.architecture.test_imports import CORE

PLACES = ("*.md", "docs/**/*.md", "clients/**/*.md", "examples/**/*.md")
DOCUMENTS = sorted(
    path
    for where in PLACES
    for path in REPOSITORY.glob(where)
    if "node_modules" not in path.relative_to(REPOSITORY).parts
)
# Files that a run writes, and a file that the owner of a site may write.
WRITTEN_LATER = {"local.json", "config.json"}


def prose(document: Path) -> str:
    return re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(REPOSITORY)))
def test_links_lead_somewhere_and_named_files_exist(document: Path):
    text = prose(document)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    for target in targets:
        if ":" not in target:
            name, _, anchor = target.partition("#")
            found = document.parent / name if name else document
            assert found.exists(), target
            assert not anchor or anchor in anchors(found), target
    # A guide shows the files that its reader saves.
    saved = set(re.findall(r'^```\w+ title="([^"]+)"$', document.read_text(encoding="utf-8"), re.MULTILINE))
    for name in set(re.findall(r"`([\w./-]+\.(?:py|md|js|mjs|cjs|json|yaml))`", text)) - saved:
        places = (REPOSITORY, CORE, CORE.parent, document.parent)
        assert Path(name).name in WRITTEN_LATER or any((place / name).exists() for place in places), name
