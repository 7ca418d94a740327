"""Every code block of the documents works: each page is followed from top to bottom, beside a running stack."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from local.home import REPOSITORY
from local.sdk.packages import BY_NAME
from local.stack.running import Stack, start_stack
from tests.documents.blocks import (
    DOCUMENTS,
    NOT_RUN,
    RUN_ELSEWHERE,
    UNRUN_LANGUAGES,
    Block,
    blocks,
    is_output,
    is_shown_only,
)
from tests.documents.clone import Clone, clone
from tests.end_to_end.clients import helper_library
from tests.support.node_packages import find_node, install

HERE = Path(__file__).resolve().parent
UNTESTED = "the code blocks of the documents are"
SDK = BY_NAME["conversations-3.0.1"]


def is_run(block: Block) -> bool:
    return not (
        is_shown_only(block)
        or (block.page, block.first) in NOT_RUN
        or (block.page, block.language) in RUN_ELSEWHERE
        or (REPOSITORY / block.title).is_file()
    )


BLOCKS = [block for page in DOCUMENTS for block in blocks(page)]
READ = [
    block
    for block in BLOCKS
    if is_run(block) and not block.title and block.language in {"json", "html"} | UNRUN_LANGUAGES
]
RUN = {
    page: found
    for page in DOCUMENTS
    if (found := [block for block in BLOCKS if block.page == page and is_run(block) and block not in READ])
}


@pytest.fixture(scope="module")
def modules() -> Path:
    find_node(UNTESTED)
    if shutil.which("curl") is None:
        pytest.skip(f"curl is not installed, so {UNTESTED} NOT tested")
    return install(HERE, "documents", UNTESTED)


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What a reader has started with `make run`. Pages change its default service, so no other test shares it."""
    running = start_stack(tmp_path_factory.mktemp("beside") / "home")
    made = helper_library(running.info)
    sid = made.conversations.v1.configuration().fetch().default_chat_service_sid
    made.chat.v2.services(sid).update(reachability_enabled=True)
    yield running
    running.kill()


@pytest.mark.parametrize("page", RUN)
def test_every_block_of_the_page_works(page: str, beside: Stack, modules: Path, tmp_path: Path) -> None:
    with clone(tmp_path, beside, modules) as place:
        for block in RUN[page]:
            try:
                run(block, place)
            except Exception as error:
                error.add_note(f"{block} failed")
                raise
        place.javascript([block for block in RUN[page] if block.language == "js" and not block.title], SDK.fetch())


def run(block: Block, place: Clone) -> None:
    """Do with a block what its reader does. Fragments of JavaScript wait for the end of the page, to share a process."""
    if is_output(block):
        place.expect(block)
    elif block.title:
        place.save(block)
    elif block.language in ("sh", "console"):
        place.shell(block)
    elif block.language == "python":
        place.python(block)
    else:
        assert block.language == "js", f"nothing here runs {block.language or 'a command without sh'}"


@pytest.mark.parametrize("block", READ, ids=str)
def test_a_block_that_is_only_read_is_well_formed(block: Block) -> None:
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "html":
        HTMLParser().feed(block.text)
    else:
        assert unbalanced(block.text) == ""


def unbalanced(code: str) -> str:
    """The first bracket or quote of a program that has no partner; empty if each has one."""
    partners = {")": "(", "]": "[", "}": "{"}
    opened: list[str] = []
    for found in re.finditer(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|//.*|(?<!\S)#.*|[()\[\]{}"\']', code):
        sign = found[0]
        if sign in ('"', "'") or (sign in partners and (not opened or opened.pop() != partners[sign])):
            return sign
        if sign in partners.values():
            opened.append(sign)
    return "".join(opened)


@pytest.mark.parametrize(
    ("code", "sign"),
    [
        ("f(a[1], {b});", ""),
        ('say("(");', ""),
        ("f(a", "("),
        ("f)", ")"),
        ("f(a]", "]"),
        ('f("a)', '"'),
        ("f(); // (", ""),
    ],
)
def test_a_bracket_or_quote_without_a_partner_is_found(code: str, sign: str) -> None:
    assert unbalanced(code) == sign


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.title], ids=str)
def test_a_block_with_the_name_of_a_file_of_this_repository_is_that_file(block: Block) -> None:
    path = REPOSITORY / block.title
    if path.is_file():
        assert block.text == path.read_text(encoding="utf-8"), f"run `python -m tools.shown_files`: {block}"


def test_every_block_that_is_not_run_is_there() -> None:
    shown = {(block.page, block.first) for block in BLOCKS}
    assert set(NOT_RUN) <= shown
    assert set(RUN_ELSEWHERE) <= {(block.page, block.language) for block in BLOCKS}
