"""The account: there is one per deployment, and only its SID is stored anywhere."""

from __future__ import annotations

from typing import Any

from parley.errors import NOT_FOUND
from parley.operations.context import Context
from parley.records.spec import Path
from parley.store.items import Record


def fetch(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """The account.

    Raises:
        Refusal: 20404 for any other.
    """
    if path["sid"] != context.account_sid:
        raise NOT_FOUND()
    return {"sid": context.account_sid}
