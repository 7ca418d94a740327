"""Where clients find the files of a service. Files travel over HTTP, never over a socket."""

from __future__ import annotations


def media_url(rest_url: str, service_sid: str) -> str:
    """What the URLs of a service's files begin with: `<this>/Media`, `/MediaSet` and `/Uploads` follow."""
    return f"{rest_url}/media/v1/Services/{service_sid}"
