"""The links to Chat and Conversations in answers to the SDKs.

Nobody resolves the name of their host, because the SDKs send each request on the socket.
"""

from __future__ import annotations

from urllib.parse import quote

_HOST = "https://aim.parley.invalid"


def link(*segments: str) -> str:
    """The link to a path of these segments."""
    return "/".join((_HOST, *(quote(segment, safe="") for segment in segments)))
