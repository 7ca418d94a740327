"""Debian's Chromium, driven by Playwright. Nothing is ever downloaded: Playwright is told where the program is."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

# How long an expectation may take before it fails. Far more than is needed: a slow machine must not fail a test.
PATIENCE_SECONDS = 60
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
_COMMON: dict[str, Any] = {"locale": "en-GB", "color_scheme": "light", "reduced_motion": "reduce"}
# The popups of the address bar are pages: they would load with every tab, and take more time than the tab itself.
_POPUPS = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")
# What Playwright disables, of which nothing would be left otherwise: Chromium takes the last list only.
_UNWANTED = (
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
_FLAGS = (
    f"--disable-features={','.join(_POPUPS + _UNWANTED)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


def find_chromium() -> str | None:
    """The browser's program, or None. The headless shell comes first: it has no windows, so it takes a third less time."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextlib.contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """A headless browser with a new, empty profile.

    While it runs, `asyncio.run` fails in this thread, so it must be stopped before tests of other folders begin.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, headless=True, args=_FLAGS, timeout=PATIENCE_SECONDS * 1000
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def installed_chromium(untested: str) -> Iterator[Browser]:
    """The installed browser. Where there is none, the test is skipped and says what is not tested."""
    program = find_chromium()
    if program is None:
        pytest.skip(f"Chromium is not installed, so {untested} NOT tested")
    with chromium(program) as browser:
        yield browser


@contextlib.contextmanager
def tab(browser: Browser, problems: list[str], look: dict[str, Any] = DESKTOP) -> Iterator[Page]:
    """A tab that shares nothing with others. Errors that the page reports are added to `problems` as they happen."""
    context = browser.new_context(**_COMMON, **look)
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    page = context.new_page()

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"{message.text} {message.location.get('url', '')}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(str(error)))
    try:
        yield page
    finally:
        context.close()
