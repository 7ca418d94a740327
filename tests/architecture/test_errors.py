"""The error table: each row is raised by the code and seen by a test, and a code means one thing."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from local.home import REPOSITORY
from parley import errors
from parley.errors import Error, Refusal

CORE = REPOSITORY / "layers" / "common" / "python" / "parley"
TESTS = REPOSITORY / "tests"
ROWS = {name: value for name, value in vars(errors).items() if isinstance(value, Error)}
# What the code cannot be brought to in a test of the whole: raised when another request wins at the very moment.
HARD_TO_PROVOKE: set[str] = set()
# Codes that stand for several texts: Twilio's general ones.
GENERAL = {20001, 20404, 20409, 20413, 20106}


@cache
def names_used(path: Path) -> frozenset[str]:
    """Every name and attribute that occurs in a module, outside its imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return frozenset(found)


def sources(root: Path) -> list[Path]:
    return [path for path in sorted(root.rglob("*.py")) if path != CORE / "errors.py"]


@cache
def used_by_tests() -> tuple[frozenset[str], str]:
    """Names that tests use, and all that they say."""
    paths = [path for path in sources(TESTS) if path != Path(__file__)]
    texts = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return frozenset().union(*map(names_used, paths)), texts


@pytest.mark.parametrize("name", ROWS)
def test_an_error_is_raised_by_the_code(name: str):
    is_raised = any(name in names_used(path) for path in sources(CORE) + sources(REPOSITORY / "functions"))
    assert is_raised, f"nothing raises {name}"


@pytest.mark.parametrize("name", sorted(set(ROWS) - HARD_TO_PROVOKE))
def test_an_error_is_expected_by_a_test(name: str):
    names, texts = used_by_tests()
    error = ROWS[name]
    # The row itself, its text up to what is filled in, or a code (with its status) that stands for nothing else.
    is_only_one = sum(other.code == error.code for other in ROWS.values()) == 1
    by_code = is_only_one and re.search(rf"\b{error.code}\b", texts) is not None
    is_only_pair = sum((other.status, other.code) == (error.status, error.code) for other in ROWS.values()) == 1
    by_code = by_code or (is_only_pair and f"{error.status}, {error.code}" in texts)
    is_expected = name in names or error.text.split("{")[0].strip() in texts or by_code
    assert is_expected, f"no test expects {name}"


@pytest.mark.parametrize("name", ROWS)
def test_an_error_has_a_status_a_code_and_a_text(name: str):
    error = ROWS[name]
    assert 400 <= error.status <= 503
    assert 19_000 <= error.code < 60_000
    assert error.text == error.text.strip() and error.text[0].isupper() and not error.text.endswith(".")


def test_a_code_means_one_thing():
    meanings: dict[int, set[str]] = {}
    for error in ROWS.values():
        meanings.setdefault(error.code, set()).add(error.text)
    several = {code for code, texts in meanings.items() if len(texts) > 1}
    # 50105 is "role type wrong" at Twilio too, for a bad value and for the wrong scope.
    assert several - GENERAL == {50105}


def test_a_code_has_one_status():
    statuses: dict[int, set[int]] = {}
    for error in ROWS.values():
        statuses.setdefault(error.code, set()).add(error.status)
    several = {code for code, found in statuses.items() if len(found) > 1}
    # 20106: a token is bad (401), or good and not for this service (403), https://www.twilio.com/docs/api/errors/20106.
    assert several == {20106}


def test_no_two_rows_say_the_same():
    rows = [(error.code, error.text) for error in ROWS.values()]
    assert len(rows) == len(set(rows))


def test_a_refusal_carries_its_row_and_a_filled_text():
    refusal = errors.MISSING_PARAMETER(name="Identity")
    assert isinstance(refusal, Refusal)
    assert refusal.error is errors.MISSING_PARAMETER
    assert str(refusal) == "Missing required parameter Identity in the post body"


@pytest.mark.parametrize("name", [name for name, error in ROWS.items() if "{" in error.text])
def test_what_is_filled_in_is_given_wherever_the_error_is_raised(name: str):
    wanted = set(re.findall(r"\{(\w+)\}", ROWS[name].text))
    for path in sources(CORE):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == name:
                assert {keyword.arg for keyword in node.keywords} == wanted, f"{path}:{node.lineno}"
