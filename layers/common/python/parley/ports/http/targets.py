"""Where webhooks may go: the rules on URLs and addresses, without any name resolution.

A service owner chooses the URLs, and Parley requests them from inside the account that runs it. So a URL must be
spelled plainly, and no address may be one that only this machine, this network or this cloud can reach. `check_url`
is for saving a URL and for sending; `check_address` is for every address that a name turned out to have
(`outgoing.py`). What is not known to be public is refused: IPv6 outside its global unicast block, and every form
that carries an IPv4 address inside an IPv6 one.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

_URL = re.compile(r"(https?)://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([0-9a-f:.]*:[0-9a-f:.]*)\]|([a-z0-9._-]+))(?::([0-9]{0,5}))?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

# The IANA special-purpose registries, spelled out so that the answer does not depend on the Python version.
_REFUSED_IPV4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; on Linux 0.0.0.0 is the machine itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; some clouds keep their metadata here
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local and, in AWS, instance, task and Lambda metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
_LOOPBACK_IPV4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_IPV6 = IPv6Address("::1")
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_REFUSED_IPV6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",
    )
]
_ISATAP = (0x00005EFE, 0x02005EFE)


class TargetRefused(Exception):
    """Parley does not send to this URL; `reason` says why, in words for the service owner."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Target(NamedTuple):
    """A URL taken apart: `host` in lower case and without brackets, `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_literal(self) -> bool:
        """Whether the host is an address and not a name."""
        return ":" in self.host or _NUMBER.fullmatch(self.host.rpartition(".")[2]) is not None

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"


def check_url(url: str, allow_loopback: bool = False) -> Target:
    """Take `url` apart, or raise `TargetRefused`; `https://example.com/hook` passes.

    The host must be a name in ASCII (punycode for others), a plain dotted IPv4 or a bracketed IPv6 address. Spellings
    that libraries read differently (`http://2130706433/`, `http://0177.1/`, `http://a\\@b/`) are refused as such.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise TargetRefused("the URL has characters that must be percent-encoded")
    match = _URL.fullmatch(url)
    if match is None:
        raise TargetRefused("the URL must be absolute and begin with http:// or https://")
    scheme, authority, path = match[1].lower(), match[2].lower(), match[3]
    if "@" in authority:
        raise TargetRefused("the URL must not contain credentials")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise TargetRefused("the URL has no valid host")
    port = int(parts[3] or _default_port(scheme))
    if not 0 < port < 65_536:
        raise TargetRefused("the URL has no valid port")
    host = parts[1] if parts[1] is not None else parts[2].removesuffix(".")
    target = Target(scheme, host, port, path if path.startswith("/") else "/" + path)
    if parts[1] is not None or target.is_literal:
        check_address(parts[1] if parts[1] is not None else parts[2], allow_loopback)
    else:
        _check_name(host, allow_loopback)
    return target


def check_address(address: str, allow_loopback: bool = False) -> None:
    """Raise `TargetRefused` unless `address`, in its plain spelling, is a public one (or loopback where allowed)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        raise TargetRefused("the URL has no plainly spelled address") from None
    if allow_loopback and (parsed in _LOOPBACK_IPV4 if isinstance(parsed, IPv4Address) else parsed == _LOOPBACK_IPV6):
        return
    is_public = _is_public_ipv4(parsed) if isinstance(parsed, IPv4Address) else _is_public_ipv6(parsed)
    if not is_public:
        raise TargetRefused("the URL leads to an address that is not public")


def _check_name(host: str, allow_loopback: bool) -> None:
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetRefused("the URL has no valid host")
    # RFC 6761: never anything but loopback, whatever a resolver says.
    if labels[-1] == "localhost" and not allow_loopback:
        raise TargetRefused("the URL leads to an address that is not public")


def _is_public_ipv4(address: IPv4Address) -> bool:
    return not any(address in network for network in _REFUSED_IPV4)


def _is_public_ipv6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _GLOBAL_IPV6:
        return False
    if (int(address) >> 32) & 0xFFFF_FFFF in _ISATAP:
        return False
    return not any(address in network for network in _REFUSED_IPV6)


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80
