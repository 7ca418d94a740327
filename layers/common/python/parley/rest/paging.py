"""Pages: reads which page of a list a request asks for, and builds the links to the pages around it.

A token names the item at the edge of a page (`PT`: go on after it, `PB`: go back before it) and carries a seal over the
list and its filters, so that a token of another list is refused. Message lists use plain indexes as tokens, as Twilio
does. A link back has one more parameter: the message before which its page ends, since that page may be cut short.

Lambda allows answers of 6 MB, in which the body is a text inside JSON, so each of its quotes takes two bytes. A page
that would be too long is cut, and its links lead to the rest.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from parley.errors import INVALID_PAGE_SIZE, INVALID_PAGE_TOKEN, INVALID_PARAMETER
from parley.faces.spec import Mount
from parley.operations.paging import Listing, PageRequest, fitting, from_index, to_index

_PLATFORM_CEILING = 1000
_HIGHEST_INDEX = 10**11
_BEFORE = "Before"
# Lambda's limit (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html), less room for all that is
# not items: links, headers, the frame of the answer.
_LONGEST_ANSWER = 6 * 1024 * 1024 - 64 * 1024
# How many times longer a JSON text can get as a text inside JSON: a letter of two bytes is escaped with six.
_MOST_GROWTH = 3


class Asked(NamedTuple):
    """A list request: the page, its number, and the filters, which links repeat."""

    request: PageRequest
    number: int
    filters: list[tuple[str, str]]

    @property
    def is_descending(self) -> bool:
        """Whether messages are wanted newest first."""
        return ("Order", "desc") in self.filters[-1:]


def read(mount: Mount, query: dict[str, list[str]], path: str, seal: Callable[[str], str]) -> Asked:
    """Read a list request from its query string. A page size above the maximum is cut to it (unconfirmed).

    Raises:
        Refusal: 20007, 20001 or 19038.
    """
    names = {parameter.form_name for parameter in mount.form("list")}
    filters = [(name, value) for name, values in query.items() if name in names for value in values]
    default, most = mount.page_limits
    size = _number(query, "PageSize", default)
    if not 1 <= size <= _PLATFORM_CEILING:
        raise INVALID_PAGE_SIZE()
    number = _number(query, "Page", 0)
    token = query.get("PageToken", [""])[-1]
    size = min(size, most)
    if not token:
        return Asked(PageRequest(size), 0, filters)
    if mount.by_index:
        asked = Asked(PageRequest(size), number, filters)
        index, before = _index(mount, token), query.get(_BEFORE, [""])[-1]
        after = from_index(index, descending=asked.is_descending)
        page = PageRequest(size, before=str(_index(mount, before))) if before else PageRequest(size, after=after)
        return asked._replace(request=page)
    direction, position, given_seal = token[:2], token[2:-17], token[-16:]
    expected = seal(_sealed(path, filters, direction, position))
    if direction not in ("PT", "PB") or not hmac.compare_digest(given_seal.encode(), expected.encode()):
        raise INVALID_PAGE_TOKEN()
    page = PageRequest(size, after=position) if direction == "PT" else PageRequest(size, before=position)
    return Asked(page, number, filters)


def _index(mount: Mount, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) < _HIGHEST_INDEX):
        assert mount.by_index is not None
        raise mount.by_index()
    return int(text)


def _number(query: dict[str, list[str]], name: str, default: int) -> int:
    text = query.get(name, [""])[-1]
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise INVALID_PAGE_SIZE() if name == "PageSize" else INVALID_PARAMETER(name=name, reason="a number is needed")
    return int(text)


def _sealed(path: str, filters: list[tuple[str, str]], direction: str, position: str) -> str:
    return "\n".join([path, direction, position, urlencode(sorted(filters))])


def envelope(
    mount: Mount,
    asked: Asked,
    listing: Listing,
    shown: list[dict[str, Any]],
    base_url: str,
    path: str,
    seal: Callable[[str], str],
) -> dict[str, Any]:
    """The answer to a list request: the items and the links around them."""
    page = asked.request

    def link(number: int, direction: str = "", position: str | None = None) -> str:
        query = [*asked.filters, ("PageSize", str(page.size)), ("Page", str(number))]
        if position is not None and mount.by_index:
            query += _by_index(asked, direction, position)
        elif position is not None:
            sealed = f"{direction}{position}-{seal(_sealed(path, asked.filters, direction, position))}"
            query.append(("PageToken", sealed))
        return f"{path}?{urlencode(query)}"

    following = previous = None
    if listing.more_after and listing.last is not None:
        following = link(asked.number + 1, "PT", listing.last)
    if asked.number > 0 and listing.more_before and listing.first is not None:
        previous = link(asked.number - 1, "PB", listing.first)
    own = link(asked.number, "PB", page.before) if page.is_back else link(asked.number, "PT", page.after)
    key = mount.key
    if mount.face.style == "2010":
        return {
            key: shown,
            "page": asked.number,
            "page_size": page.size,
            "start": asked.number * page.size,
            "end": asked.number * page.size + max(len(shown) - 1, 0),
            "first_page_uri": link(0),
            "previous_page_uri": previous,
            "uri": own,
            "next_page_uri": following,
        }
    return {
        "meta": {
            "page": asked.number,
            "page_size": page.size,
            "first_page_url": base_url + link(0),
            "previous_page_url": previous and base_url + previous,
            "url": base_url + own,
            "next_page_url": following and base_url + following,
            "key": key,
        },
        key: shown,
    }


def _by_index(asked: Asked, direction: str, position: str) -> list[tuple[str, str]]:
    """The parameters of a link to messages: the index at which its page begins, as far as that is known."""
    if direction == "PT":
        return [("PageToken", str(to_index(position, descending=asked.is_descending)))]
    back = asked.request.size if asked.is_descending else -asked.request.size
    return [("PageToken", str(max(int(position) + back, 0))), (_BEFORE, position)]


def cut(listing: Listing, shown: list[dict[str, Any]], page: PageRequest, answer_bytes: int) -> Listing:
    """The part of a page that fits into an answer; `answer_bytes` is how long the answer with all of it would be."""
    if answer_bytes * _MOST_GROWTH <= _LONGEST_ANSWER:
        return listing
    sizes = (_travelling_bytes(item) for item in (reversed(shown) if page.is_back else shown))
    return listing.cut(fitting(sizes, _LONGEST_ANSWER), page)


def _travelling_bytes(item: dict[str, Any]) -> int:
    return len(json.dumps(json.dumps(item, ensure_ascii=False, separators=(",", ":"))))
