"""What an account has stored, as the invariants see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from parley.store.items import from_attribute
from parley.store.keys import Key

Item = dict[str, Any]


@dataclass
class Account:
    """Items by key, with their index attributes, of one account's services."""

    items: dict[Key[Any], Item]
    swept: bool = True
    now_ms: int = 0
    deaths: bool = False
    objects: frozenset[str] | None = None

    @cached_property
    def living(self) -> dict[Key[Any], Item]:
        return {key: item for key, item in self.items.items() if "deleted_at" not in item}

    def of(self, *beginnings: str) -> Iterator[tuple[Key[Any], Item]]:
        """The living items whose sort keys begin so."""
        return ((key, item) for key, item in self.living.items() if key.sk.startswith(beginnings))

    @cached_property
    def by_channel(self) -> dict[str, dict[Key[Any], Item]]:
        found: dict[str, dict[Key[Any], Item]] = {}
        for key, item in self.items.items():
            if key.pk.startswith("CHANNEL#"):
                found.setdefault(key.pk.removeprefix("CHANNEL#"), {})[key] = item
        return found

    def in_channel(self, sid: str, beginning: str) -> list[Item]:
        """The living items of a channel's partition whose sort keys begin so."""
        partition = self.by_channel.get(sid, {})
        return [item for key, item in partition.items() if key.sk.startswith(beginning) and "deleted_at" not in item]

    def is_left(self, key: Key[Any]) -> bool:
        """Whether an item is left of a channel that is gone."""
        return key.pk.startswith("CHANNEL#") and key.pk.removeprefix("CHANNEL#") not in self.channels

    @cached_property
    def channels(self) -> dict[str, Item]:
        return {item["sid"]: item for key, item in self.of("CHANNEL") if key.sk == "CHANNEL"}

    @cached_property
    def users(self) -> dict[str, Item]:
        return {item["sid"]: item for key, item in self.of("USER") if key.sk == "USER"}

    @cached_property
    def services(self) -> dict[str, Item]:
        return {item["sid"]: item for _, item in self.of("SERVICE#")}


# Names each contradiction of one kind.
Check = Callable[[Account], Iterable[str]]


def everything(client: Any, table_name: str, account_sid: str) -> dict[Key[Any], Item]:
    """All items that belong to an account: those of its services, of their channels, users and connections."""
    stored: list[dict[str, Any]] = []
    request: dict[str, Any] = {"TableName": table_name, "ConsistentRead": True}
    while True:
        answer = client.scan(**request)
        stored += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            break
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
    # Most items are other accounts', so they are chosen before they are decoded.
    owner = f"ACCOUNT#{account_sid}"
    services = {_text(item, "sk").removeprefix("SERVICE#") for item in stored if _text(item, "pk") == owner}
    inside = [item for item in stored if _text(item, "service_sid") in services]
    sids = services | {_text(item, "sid") for item in inside if "sid" in item}
    connections = {_text(item, "id") for item in inside if _text(item, "sk") == "CONNECTION"}

    def belongs(item: dict[str, Any]) -> bool:
        pk = _text(item, "pk")
        if account_sid in pk or _text(item, "service_sid") in services:
            return True
        # A unique name may hold the sign too, and then a part may be empty.
        parts = [part for part in pk.split("#") if part]
        # Connections of other accounts may have the same id, so those who follow a user are found by the user.
        return not sids.isdisjoint(parts) or not connections.isdisjoint(parts)

    decoded = ({name: from_attribute(value) for name, value in item.items()} for item in stored if belongs(item))
    return {Key(item["pk"], item["sk"]): item for item in decoded}


def _text(item: dict[str, Any], name: str) -> str:
    return str(item.get(name, {}).get("S", ""))
