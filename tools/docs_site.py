"""What `make docs` does beside MkDocs: it adds pages from outside docs/ and turns the links of GitHub into the site's.

A page is written for GitHub, where its links lead to files of the repository. The site shows the README as its first
page, and the other documents of `PAGES`. A link to a file that the site does not have leads to `DOCS_SOURCE`, the
address of the repository's files on the web; if that is not set, the link becomes plain text.

In `mkdocs.yml`, an entry of the navigation may have a `*`: it stands for all pages that fit and stand nowhere else.
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parents[1]
# Documents outside docs/, and their places in the site.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "clients/js/README.md": "clients/javascript.md",
    "clients/python/README.md": "clients/python.md",
    "clients/vectors/README.md": "clients/vectors.md",
}
PAGES["examples/README.md"] = "examples/index.md"
PAGES |= {
    path.relative_to(REPOSITORY).as_posix(): f"examples/{path.parent.name}.md"
    for path in sorted((REPOSITORY / "examples").glob("*/README.md"))
}
_PLACES = {place: path for path, place in PAGES.items()}
_DECISIONS = "decisions/index.md"
_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_ITEM = re.compile(r"(?:[-*]|\d+\.) +")
_ATTRIBUTE = re.compile(r'(src|href)="([^"]+)"')
# Where Python's Markdown may read a page otherwise than GitHub does.
_COUNTED = ("li", "ol", "pre", "table", "tr", "ul")

log = logging.getLogger("mkdocs.hooks.docs_site")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages in the place of the entries with a `*`."""
    docs = Path(config.docs_dir)
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    unplaced = pages.union(PAGES.values()) - set(_entries(config.nav))
    config.nav = _expanded(config.nav, unplaced)
    return config


def _entries(nav: Any) -> Iterator[str]:
    """The paths that a navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from _entries(entry)


def _expanded(nav: list[Any], unplaced: set[str]) -> list[Any]:
    found: list[Any] = []
    for entry in nav:
        if isinstance(entry, str) and "*" in entry:
            fitting = sorted(path for path in unplaced if fnmatch(path, entry))
            unplaced.difference_update(fitting)
            found += fitting
        elif isinstance(entry, dict):
            ((title, below),) = entry.items()
            found.append({title: _expanded(below, unplaced) if isinstance(below, list) else below})
        else:
            found.append(entry)
    return found


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents from outside docs/, and a list of the decisions."""
    for path, place in PAGES.items():
        files.append(File.generated(config, place, content=(REPOSITORY / path).read_text(encoding="utf-8")))
    decisions = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
    listed = "".join(f"- [{_title(path)}]({path.name})\n" for path in decisions)
    files.append(File.generated(config, _DECISIONS, content=f"# Decisions\n\n{listed}"))
    return files


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of the repository into those of the site."""
    place = page.file.src_uri
    path = _PLACES.get(place, f"docs/{place}")

    def link(found: re.Match[str]) -> str:
        image, text, target = found.groups()
        led = _led(target, path, place)
        return f"{image}[{text}]({led})" if led else text

    def attribute(found: re.Match[str]) -> str:
        return f'{found[1]}="{_led(found[2], path, place)}"'

    # GitHub shows no comment, and MkDocs looks for the title in the first line.
    markdown = re.sub(r"\A<!--.*?-->\s*", "", markdown, flags=re.DOTALL)
    page.meta["read_by_github"] = _counts(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))
    parts = _FENCED.split(_indented(markdown))
    parts[::2] = [_ATTRIBUTE.sub(attribute, _LINK.sub(link, part)) for part in parts[::2]]
    return "".join(parts)


@dataclass
class _List:
    """An open list: the columns at which its items and their texts begin, and whether an item has paragraphs."""

    items: int
    texts: int
    has_paragraphs: bool = False


def _indented(markdown: str) -> str:
    """Write lists as Python's Markdown needs them: four spaces a level, and empty lines around texts between items."""
    lines: list[str] = []
    lists: list[_List] = []
    fenced = after_text = False
    for line in markdown.splitlines():
        text = line.lstrip()
        column = len(line) - len(text)
        item = None if fenced else _ITEM.match(text)
        beside: _List | None = None
        if text and not fenced:
            while lists and column < lists[-1].texts:
                beside = lists.pop()
        if item and beside and beside.items == column:
            if beside.has_paragraphs:
                lines.append("")
        elif item and after_text:
            if item[0].strip() in ("-", "*", "1."):
                lines.append("")
            else:
                item = None  # a number that begins a line
        if text and lists and not (lines and lines[-1]):
            lists[-1].has_paragraphs = True
        rest = max(0, column - (lists[-1].texts if lists else 0))
        lines.append(" " * (4 * len(lists) + rest) + text if text else "")
        if item:
            lists.append(_List(column, column + item.end()))
        if text.startswith("```"):
            fenced = not fenced
        after_text = bool(text) and not item
    return "\n".join(lines) + "\n"


def _led(target: str, path: str, place: str) -> str:
    """Where a link of the document `path` leads from the site's page `place`; empty if there is nothing to lead to."""
    name, hash_, anchor = target.partition("#")
    if not name or ":" in name:
        return target
    found = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
    if found in PAGES:
        there = PAGES[found]
    elif found == "docs/decisions":
        there = _DECISIONS
    elif found.startswith("docs/"):
        there = found.removeprefix("docs/")
        if (REPOSITORY / found).is_dir():
            there += "/README.md"
    else:
        source = os.environ.get("DOCS_SOURCE", "").rstrip("/")
        return f"{source}/{found}" if source else ""
    return posixpath.relpath(there, posixpath.dirname(place) or ".") + hash_ + anchor


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Warn of a page that shows otherwise here than on GitHub: its lists, tables or code have come apart."""
    here = _counts(html)
    for tag, count in page.meta.pop("read_by_github").items():
        if here[tag] != count:
            log.warning("%s has %d <%s> here, and %d on GitHub", page.file.src_uri, here[tag], tag, count)
    return html


def _counts(html: str) -> dict[str, int]:
    return {tag: len(re.findall(rf"<{tag}[ >]", html)) for tag in _COUNTED}


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Warn of anything that a reader's browser would fetch from another host. Name the search for screen readers."""
    for tag in re.findall(r"<(?:script|img|iframe|link|source)\b[^>]*>", output):
        if re.search(r'(?:src|href)="(?:https?:)?//', tag) and 'rel="canonical"' not in tag:
            log.warning("%s fetches from another host: %s", page.file.src_uri, tag)
    return output.replace(
        'data-md-component="search" role="dialog"', 'data-md-component="search" role="dialog" aria-label="Search"'
    )
