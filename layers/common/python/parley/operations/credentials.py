"""Push credentials: what each type needs, and secrets that never come back."""

from __future__ import annotations

from typing import Any

from parley.domain.push import check_secrets
from parley.operations import verbs
from parley.operations.addressing import resolve
from parley.operations.context import Context
from parley.records.credentials import CREDENTIAL
from parley.records.spec import Path
from parley.store.items import Record


def create(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """A new credential with the secrets that its type needs.

    Raises:
        Refusal: 20001 for a missing one.
    """
    check_secrets(parameters["type"], parameters)
    return verbs.create(CREDENTIAL, context, path, parameters)


def update(context: Context, path: Path, parameters: dict[str, Any]) -> Record:
    """Change the given fields of the credential. A field that its type needs cannot be cleared.

    Conversations can change the type too; then the secrets of the new type must be given.
    """
    whole = {**verbs.load(context, CREDENTIAL, resolve(context, CREDENTIAL, path)), **parameters}
    check_secrets(whole["type"], whole)
    return verbs.update(CREDENTIAL, context, path, parameters)
