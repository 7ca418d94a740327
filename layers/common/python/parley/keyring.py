"""The deployment's secrets: the auth token, and the root from which everything else is derived.

The secret of an API key is derived from the root and the key's SID. So Parley stores no secret, and can still verify a
signature made with one, for which a stored hash would not be enough. A leaked table reveals no secret. Replacing the
root revokes every key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import NamedTuple, Self

from parley.clock import Clock

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SECRET_LENGTH = 32
# A secret is read again after this time. If an auth token is rejected, it is read again soon, so that a new one works.
REMEMBERED_MS = 300_000
IMPATIENT_MS = 10_000


class AuthTokens(NamedTuple):
    """The account's valid auth tokens, as their secret holds them.

    The secret is the token itself. While the token is being replaced, the secret is a JSON object with these fields,
    and both tokens are valid. One write begins the replacement, and one write ends it.

    Attributes:
        token: The old token, or the only one.
        next: The new token; empty if there is none.
        signs_from: From when on the new token signs webhooks, in milliseconds since the epoch.
    """

    token: str
    next: str = ""
    signs_from: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """The tokens in a secret's text.

        Raises:
            ValueError: it is neither a token nor such an object.
        """
        if not text.startswith("{"):
            return cls(text)
        try:
            held = json.loads(text)
            found = cls(held["token"], held["next"], held["signs_from"])
        except (ValueError, KeyError, RecursionError):
            raise _no_tokens() from None
        texts = isinstance(found.token, str) and isinstance(found.next, str) and found.token and found.next
        if not texts or type(found.signs_from) is not int:
            raise _no_tokens()
        return found

    def text(self) -> str:
        """The secret's text, which `read` understands."""
        return json.dumps(self._asdict()) if self.next else self.token

    @property
    def valid(self) -> tuple[str, ...]:
        """Every valid token, the old one first."""
        return (self.token, self.next) if self.next else (self.token,)

    def signing(self, now_ms: int) -> str:
        """The token that signs webhooks."""
        return self.next if self.next and now_ms >= self.signs_from else self.token


def _no_tokens() -> ValueError:
    return ValueError("the secret of the auth token holds neither a token nor two of them")


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
        """Whether this is a valid auth token, also if it became one some seconds ago. Takes constant time."""
        if _is_one_of(presented, self._auth_tokens(REMEMBERED_MS)):
            return True
        return _is_one_of(presented, self._auth_tokens(IMPATIENT_MS))

    def auth_token(self) -> str:
        """The auth token that signs webhooks."""
        return self._auth_tokens(REMEMBERED_MS).signing(self._clock.now_ms())

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

    def link_seal(self, text: str) -> str:
        """A seal that only this deployment can put on a link."""
        return self._derive("link", text).hex()[:32]

    def _derive(self, purpose: str, text: str) -> bytes:
        root = self._secret(self._root_id, REMEMBERED_MS)
        return hmac.digest(root.encode(), f"{purpose}:{text}".encode(), "sha256")

    def _auth_tokens(self, longest_ms: int) -> AuthTokens:
        tokens = AuthTokens.read(self._secret(self._auth_token_id, longest_ms))
        # While the token is being replaced, its secret is read often, so that the old one ends soon everywhere.
        return AuthTokens.read(self._secret(self._auth_token_id, IMPATIENT_MS)) if tokens.next else tokens

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


def _is_one_of(presented: str, tokens: AuthTokens) -> bool:
    return sum(_same(presented, token) for token in tokens.valid) > 0


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
