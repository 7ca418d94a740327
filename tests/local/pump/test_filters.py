"""Filter patterns of event source mappings, against what Lambda documents for them."""

from __future__ import annotations

import pytest

from local.pump.filters import UnknownRule, passes

RECORD = {
    "eventName": "MODIFY",
    "dynamodb": {"Keys": {"sk": {"S": "MESSAGE#1"}}, "NewImage": {"n": {"N": "3"}, "tags": {"SS": ["a", "b"]}}},
}


def sk(*rules: object) -> dict[str, object]:
    return {"dynamodb": {"Keys": {"sk": {"S": list(rules)}}}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (sk("MESSAGE#1"), True),
        (sk("MESSAGE"), False),
        (sk("CHANNEL", {"prefix": "MESSAGE#"}), True),
        (sk({"prefix": "MEMBER#"}), False),
        (sk({"suffix": "#1"}), True),
        (sk({"suffix": "#2"}), False),
        (sk({"equals-ignore-case": "message#1"}), True),
        (sk({"anything-but": ["CHANNEL"]}), True),
        (sk({"anything-but": "MESSAGE#1"}), False),
        (sk({"anything-but": {"prefix": "MESSAGE#"}}), False),
        (sk({"exists": True}), True),
        (sk({"exists": False}), False),
        ({"dynamodb": {"OldImage": {"sk": {"S": [{"exists": False}]}}}}, True),
        ({"dynamodb": {"OldImage": {"sk": {"S": [{"exists": True}]}}}}, False),
        ({"dynamodb": {"OldImage": {"sk": {"S": [{"anything-but": ["x"]}]}}}}, False),
        ({"eventName": ["INSERT", "MODIFY"], **sk({"prefix": "MESSAGE#"})}, True),
        ({"eventName": ["INSERT"], **sk({"prefix": "MESSAGE#"})}, False),
        ({"$or": [{"eventName": ["INSERT"]}, sk("MESSAGE#1")]}, True),
        ({"$or": [{"eventName": ["INSERT"]}, sk("CHANNEL")]}, False),
        ({"dynamodb": {"NewImage": {"n": {"N": ["3"]}}}}, True),
        ({"dynamodb": {"NewImage": {"n": {"N": [3]}}}}, False),
        ({"dynamodb": {"NewImage": {"tags": {"SS": ["b"]}}}}, True),
        ({}, True),
    ],
)
def test_a_pattern_lets_through_what_it_describes(pattern: dict[str, object], expected: bool):
    assert passes([pattern], RECORD) is expected


def test_one_matching_pattern_of_several_is_enough():
    assert passes([sk("CHANNEL"), sk("MESSAGE#1")], RECORD)


def test_no_patterns_let_everything_through():
    assert passes([], RECORD)


def test_an_unknown_rule_is_refused_and_not_ignored():
    with pytest.raises(UnknownRule, match="numeric"):
        passes([{"dynamodb": {"NewImage": {"n": {"N": [{"numeric": [">", 1]}]}}}}], RECORD)
