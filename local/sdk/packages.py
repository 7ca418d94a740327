"""The versions of Twilio's JavaScript SDKs that Parley is tried with. npm fetches each on first use.

Nothing of them is in the repository but their locks: versions and hashes, in `locks/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from local import npm
from local.home import REPOSITORY

_LOCKS = Path(__file__).resolve().parent / "locks"
_FETCHED = REPOSITORY / ".parley" / "sdk"


@dataclass(frozen=True)
class SdkPackage:
    package: str
    version: str
    bundle: str
    """The file in the package that a browser loads with a script element."""
    place: str
    """In a browser, the class is `Twilio.<place>.Client`."""

    @property
    def name(self) -> str:
        return f"{self.package.rpartition('/')[2]}-{self.version}"

    @property
    def lock(self) -> Path:
        return _LOCKS / f"{self.name}.json"

    def fetch(self) -> Path:
        """The folder of the package itself, in whose `node_modules` it lies; npm fetches it unless it is there.

        Raises:
            npm.NpmMissing, npm.NpmFailed
        """
        return npm.install(self.lock, _FETCHED / self.name) / self.package


PACKAGES = (
    SdkPackage("twilio-chat", "3.4.0", "dist/twilio-chat.min.js", "Chat"),
    SdkPackage("twilio-chat", "4.0.0", "dist/twilio-chat.min.js", "Chat"),
    SdkPackage("twilio-chat", "6.0.0", "builds/twilio-chat.min.js", "Chat"),
    SdkPackage("@twilio/conversations", "2.6.5", "builds/twilio-conversations.min.js", "Conversations"),
    SdkPackage("@twilio/conversations", "3.0.1", "builds/twilio-conversations.min.js", "Conversations"),
)
BY_NAME = {package.name: package for package in PACKAGES}
