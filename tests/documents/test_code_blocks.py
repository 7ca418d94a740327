"""Every code block of the documents works: each page is followed from top to bottom, beside a running stack."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from local.home import REPOSITORY
from local.sdk.packages import BY_NAME
from local.stack.running import Stack
from tests.documents.blocks import DOCUMENTS, NOT_RUN, RUN_ELSEWHERE, Block, blocks, is_shown_only
from tests.documents.clone import clone
from tests.support.node_packages import find_node, install

HERE = Path(__file__).resolve().parent
UNTESTED = "the code blocks of the documents are"
LANGUAGES = {"sh", "console", "python", "js", "json", "html"}


def is_run(block: Block) -> bool:
    return not (
        is_shown_only(block)
        or (block.page, block.first) in NOT_RUN
        or (block.page, block.language) in RUN_ELSEWHERE
        or (REPOSITORY / block.title).is_file()
    )


RUN = {page: found for page in DOCUMENTS if (found := [block for block in blocks(page) if is_run(block)])}


@pytest.fixture(scope="module")
def modules() -> Path:
    find_node(UNTESTED)
    return install(HERE, "documents", UNTESTED)


@pytest.mark.parametrize("page", RUN)
def test_every_block_of_the_page_works(page: str, stack: Stack, modules: Path, tmp_path: Path) -> None:
    fragments: list[Block] = []
    with clone(tmp_path, stack, modules) as place:
        for block in RUN[page]:
            assert block.language in LANGUAGES, f"{block}: nothing here runs {block.language or 'a command without sh'}"
            try:
                if block.title:
                    place.save(block)
                elif block.language in ("sh", "console"):
                    place.shell(block)
                elif block.language == "python":
                    place.python(block)
                elif block.language == "js":
                    fragments.append(block)
                elif block.language == "json":
                    json.loads(block.text)
                else:
                    HTMLParser().feed(block.text)
            except Exception as error:
                error.add_note(f"{block} failed")
                raise
        if fragments:
            place.javascript(fragments, BY_NAME["conversations-3.0.1"].fetch())


@pytest.mark.parametrize("block", [block for page in DOCUMENTS for block in blocks(page) if block.title], ids=str)
def test_a_block_with_the_name_of_a_file_of_this_repository_is_that_file(block: Block) -> None:
    path = REPOSITORY / block.title
    if path.is_file():
        assert block.text == path.read_text(encoding="utf-8"), f"run `python -m tools.shown_files`: {block}"


def test_every_block_that_is_not_run_is_there() -> None:
    shown = {(block.page, block.first) for page in DOCUMENTS for block in blocks(page)}
    assert set(NOT_RUN) <= shown
    assert set(RUN_ELSEWHERE) <= {(block.page, block.language) for page in DOCUMENTS for block in blocks(page)}
