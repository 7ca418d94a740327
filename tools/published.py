"""The published operations beside what Parley offers: which mount and verb answers each."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

# The package lies in the layer, where `python -m` would not look.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "layers/common/python"))

from parley.faces.registry import MOUNTS
from parley.faces.spec import Mount
from parley.rest.routes import METHODS

REPOSITORY = Path(__file__).resolve().parents[1]
TABLES = REPOSITORY / "tests/published"


class Version(NamedTuple):
    """A version of an API: its title, the table with its operations, and what its paths begin with here."""

    title: str
    table: str
    prefix: str


# In the order in which they are shown.
VERSIONS = {
    "v2": Version("Chat v2", "chat_v2.json", "/chat"),
    "v1": Version("Chat v1", "chat_v1.json", "/chat"),
    "v3": Version("Chat v3", "chat_v3.json", "/chat"),
    "conversations": Version("Conversations v1", "conversations_v1.json", "/conversations"),
    "media": Version("Media v1", "media_v1.json", "/media"),
    "messaging": Version("Messaging v1", "messaging_v1.json", "/messaging"),
    "2010": Version("Account API", "account_2010.json", ""),
}


@dataclass(frozen=True)
class Offered:
    """One verb of a mount."""

    mount: Mount
    verb: str

    @property
    def method(self) -> str:
        return METHODS[self.verb]

    @property
    def path(self) -> str:
        return self.mount.route(self.verb)

    @property
    def route(self) -> str:
        """The route's name, as logs have it."""
        return f"{self.mount.face.prefix}:{self.mount.resource}.{self.verb}"


@dataclass(frozen=True)
class Published:
    """One operation of the contract; `name` is version and id, `v2:CreateChannel`."""

    version: str
    id: str
    method: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.version}:{self.id}"


def offered() -> list[Offered]:
    return [Offered(mount, verb) for mount in MOUNTS for verb in mount.verbs]


def published() -> Iterator[Published]:
    for version, described in VERSIONS.items():
        for operation in json.loads((TABLES / described.table).read_text(encoding="utf-8"))["operations"]:
            yield Published(version, operation["id"], operation["verb"], operation["path"])


@cache
def answering() -> dict[Published, Offered | None]:
    """Each published operation with the verb of a mount that answers it, None if none does."""
    by_shape = {(found.method, _shape(found.path)): found for found in offered()}
    return {
        operation: by_shape.get((operation.method, VERSIONS[operation.version].prefix + _shape(operation.path)))
        for operation in published()
    }


def _shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
