"""Deletes items whose TTL has passed, for engines that do not, in small steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from local.template.declared import Table

_PAGE = 500
_BETWEEN_PAGES_SECONDS = 0.05


def sweep(dynamodb: Any, table: Table, pause: Callable[[float], bool], now: float | None = None) -> int:
    """Delete the expired items of a table and return how many. Stops early if `pause` returns True."""
    names = {key["AttributeName"] for key in table.definition["KeySchema"]}
    expired = {
        "ExpressionAttributeNames": {"#ttl": table.ttl_attribute},
        "ExpressionAttributeValues": {":now": {"N": str(int(now if now is not None else time.time()))}},
    }
    arguments = {"TableName": table.name, "FilterExpression": "#ttl < :now", "Limit": _PAGE, **expired}
    count = 0
    while True:
        page = dynamodb.scan(**arguments)
        for item in page["Items"]:
            key = {name: item[name] for name in names}
            try:
                # An item that was renewed between the scan and now stays.
                dynamodb.delete_item(TableName=table.name, Key=key, ConditionExpression="#ttl < :now", **expired)
                count += 1
            except dynamodb.exceptions.ConditionalCheckFailedException:
                pass
        if "LastEvaluatedKey" not in page or pause(_BETWEEN_PAGES_SECONDS):
            return count
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
