"""The deployment's secrets: the auth token, and the root from which everything else is derived.

API key secrets are derived from the root and the key's SID. So no secret is stored, and yet a signature made with it
can be verified, which a stored hash would not allow. A leaked table reveals no secret. Replacing the root revokes every
key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from parley.clock import Clock

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SECRET_LENGTH = 32
# A secret is read again after this time. If an auth token is rejected, it is read again soon, so that a new one works.
_REMEMBERED_MS = 300_000
_IMPATIENT_MS = 10_000


class Keyring:
    """Secrets of one deployment, remembered for some minutes.

    Args:
        fetch: Reads one secret's string by its Secrets Manager id.
    """

    def __init__(self, auth_token_id: str, root_id: str, fetch: Callable[[str], str], clock: Clock):
        self._auth_token_id = auth_token_id
        self._root_id = root_id
        self._fetch = fetch
        self._clock = clock
        self._memory: dict[str, tuple[int, str]] = {}

    def is_auth_token(self, presented: str) -> bool:
        """Whether this is the auth token, also if it was replaced some seconds ago. Takes constant time."""
        if _same(presented, self._secret(self._auth_token_id, _REMEMBERED_MS)):
            return True
        return _same(presented, self._secret(self._auth_token_id, _IMPATIENT_MS))

    def auth_token(self) -> str:
        """The auth token, which signs webhooks."""
        return self._secret(self._auth_token_id, _REMEMBERED_MS)

    def api_key_secret(self, sid: str) -> str:
        """The secret of an API key: 32 letters and digits."""
        number = int.from_bytes(self._derive("api-key", sid))
        letters = []
        for _ in range(_SECRET_LENGTH):
            number, letter = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[letter])
        return "".join(letters)

    def page_seal(self, text: str) -> str:
        """A seal that only this deployment can put on a page token."""
        return self._derive("page-token", text).hex()[:16]

    def _derive(self, purpose: str, text: str) -> bytes:
        root = self._secret(self._root_id, _REMEMBERED_MS)
        return hmac.digest(root.encode(), f"{purpose}:{text}".encode(), "sha256")

    def _secret(self, secret_id: str, longest_ms: int) -> str:
        now = self._clock.now_ms()
        fetched_at, secret = self._memory.get(secret_id, (-longest_ms, ""))
        if now - fetched_at >= longest_ms:
            secret = self._fetch(secret_id)
            self._memory[secret_id] = (now, secret)
        return secret


def digest(secret: str) -> str:
    """The hash of an API key's secret, which is stored. The secret is random, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret(presented: str, stored_digest: str) -> bool:
    """Whether a presented API key secret has the stored digest. Takes constant time."""
    return _same(digest(presented), stored_digest)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
