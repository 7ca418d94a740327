"""Where webhooks may go: every known way to spell a place inside is refused, and plain public URLs pass."""

import pytest

from parley.ports.http.targets import Target, TargetRefused, check_address, check_url

# Refused before any name is resolved.
INSIDE = [
    # loopback and "this host", as libraries and the C library's inet_aton read them
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "00000177.0.0.1",
    "127.0.0.0x1",
    "0",
    "0.0.0.0",
    "0x0",
    "0x",
    "4294967295",
    "4294967296",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "hooks.localhost",
    "%6cocalhost",
    "127%2e0%2e0%2e1",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "ⓛocalhost",
    # private, link-local, metadata, carrier-grade NAT
    "10.0.0.1",
    "10.1",
    "0xa.0x0.0x0.0x1",
    "012.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.1",
    "3232235521",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.43518",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "0251.254.169.254",
    "169.254.169.254.",
    "100.64.0.1",
    "100.100.100.200",
    # protocol assignments, documentation, benchmarking, multicast, reserved, broadcast
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    # IPv6
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:a9fe:a9fe]",
    "[::ffff:169.254.169.254]",
    "[::ffff:8.8.8.8]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::a00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fe80::1]",
    "[fe80::1%25eth0]",
    "[fe80::5efe:10.0.0.1]",
    "[2606:2800::5efe:10.0.0.1]",
    "[2606:2800::200:5efe:10.0.0.1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fd20:ce::254]",
    "[ff02::1]",
    "[100::1]",
    "[5f00::1]",
    "[v1.127.0.0.1]",
    "[127.0.0.1]",
    "[]",
]
MALFORMED = [
    "",
    "hooks.example.com",
    "//hooks.example.com/",
    "http:hooks.example.com",
    "http:/hooks.example.com",
    "http:///hook",
    "http://",
    "http://:80/",
    "ftp://hooks.example.com/",
    "file:///etc/passwd",
    "gopher://hooks.example.com/",
    "javascript:alert(1)",
    "http://user@hooks.example.com/",
    "http://user:secret@hooks.example.com/",
    "http://hooks.example.com@127.0.0.1/",
    "http://127.0.0.1\\@hooks.example.com/",
    "http://hooks.example.com\\@127.0.0.1/",
    "http://hooks.example.com:0/",
    "http://hooks.example.com:65536/",
    "http://hooks.example.com:-1/",
    "http://hooks.example.com:80:80/",
    "http://hooks.example.com:8o/",
    "http://hooks example.com/",
    "http://hooks.example.com/a b",
    "http://hooks.example.com/\r\nX: y",
    "http://hooks.\texample.com/",
    "http://hooks.example.com/zażółć",
    "http://hooks..example.com/",
    "http://.example.com/",
    "http://-hooks.example.com/",
    "http://hooks.example.com,127.0.0.1/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]x/",
    "http://" + "a" * 64 + ".example.com/",
    "http://" + "a." * 127 + "example.com/",
    " http://hooks.example.com/",
    "http://hooks.example.com/\x00",
]


@pytest.mark.parametrize("host", INSIDE)
def test_no_spelling_of_a_place_inside_passes(host: str) -> None:
    for url in (f"http://{host}/", f"https://{host}:8443/hook?a=b"):
        with pytest.raises(TargetRefused):
            check_url(url)


@pytest.mark.parametrize("mark", ["#", "?", "/", "/#", ":80#"])
def test_text_after_the_authority_does_not_hide_a_private_host(mark: str) -> None:
    with pytest.raises(TargetRefused):
        check_url(f"http://127.0.0.1{mark}@hooks.example.com/")


@pytest.mark.parametrize("url", MALFORMED)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_no_malformed_url_passes(url: str, allow_loopback: bool) -> None:
    with pytest.raises(TargetRefused):
        check_url(url, allow_loopback)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost", "hooks.localhost"])
def test_loopback_passes_where_it_is_allowed(host: str) -> None:
    assert check_url(f"http://{host}:8080/", allow_loopback=True).port == 8080


@pytest.mark.parametrize("host", sorted(set(INSIDE) - {"127.0.0.1", "127.255.255.254"}))
def test_allowing_loopback_allows_no_other_place_and_no_odd_spelling(host: str) -> None:
    is_loopback = host.lower().rstrip(".").endswith("localhost") and host[0] not in "%ⓛ"
    if is_loopback or host in ("[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]"):
        check_url(f"http://{host}/", allow_loopback=True)
        return
    with pytest.raises(TargetRefused):
        check_url(f"http://{host}/", allow_loopback=True)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://hooks.example.com/a?b=c#d", Target("https", "hooks.example.com", 443, "/a?b=c")),
        ("HTTP://Hooks.Example.COM", Target("http", "hooks.example.com", 80, "/")),
        ("http://hooks.example.com?a=1", Target("http", "hooks.example.com", 80, "/?a=1")),
        ("https://hooks.example.com.:8443/", Target("https", "hooks.example.com", 8443, "/")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
        ("https://a_b.example.com:/x@y", Target("https", "a_b.example.com", 443, "/x@y")),
        ("https://8.8.8.8/", Target("https", "8.8.8.8", 443, "/")),
        ("https://172.32.0.1/", Target("https", "172.32.0.1", 443, "/")),
        ("https://[2606:2800:21f::1]/", Target("https", "2606:2800:21f::1", 443, "/")),
        ("https://1.example.com/", Target("https", "1.example.com", 443, "/")),
    ],
)
def test_public_urls_pass(url: str, target: Target) -> None:
    assert check_url(url) == target


def test_the_host_header_names_the_port_only_where_it_is_unusual() -> None:
    assert check_url("https://hooks.example.com:443/").host_header == "hooks.example.com"
    assert check_url("http://hooks.example.com:443/").host_header == "hooks.example.com:443"
    assert check_url("https://[2606:2800:21f::1]:8443/").host_header == "[2606:2800:21f::1]:8443"


def test_an_address_in_an_odd_spelling_is_refused() -> None:
    for address in ("127.1", "8.8.8", "0x8.8.8.8", "", "hooks.example.com", "8.8.8.8/32"):
        with pytest.raises(TargetRefused):
            check_address(address)
