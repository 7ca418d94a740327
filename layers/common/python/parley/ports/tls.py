"""How connections to AWS are encrypted."""

# Every connection by name needs the codec, and Python imports it with the first one: a caller would wait for that.
import encodings.idna  # noqa: F401
import ssl
from functools import cache


@cache
def tls_context() -> ssl.SSLContext:
    """The settings of all TLS connections to AWS. What the system trusts is read once, because that takes long."""
    return ssl.create_default_context()
