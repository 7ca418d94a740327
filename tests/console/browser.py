"""A headless Chromium over the DevTools protocol: real clicks and keys, and waiting for conditions instead of for time."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from websockets.sync.client import connect

_FLAGS = (
    *(
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
    ),
    *(
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
        "--hide-scrollbars",
    ),
    *("--remote-debugging-port=0", "--remote-allow-origins=*", "--lang=en-GB", "--force-color-profile=srgb"),
    # There is no mouse, so it would be taken for a device without one.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
)
_START_SECONDS = 60
_SECONDS = 20.0
_LOOK_SECONDS = 0.01
_STILL_SECONDS = 0.03
_KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "Escape": ("Escape", 27, ""),
    "Backspace": ("Backspace", 8, ""),
    "Delete": ("Delete", 46, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "Home": ("Home", 36, ""),
    "End": ("End", 35, ""),
    "Space": ("Space", 32, " "),
    "1": ("Digit1", 49, ""),
    "2": ("Digit2", 50, ""),
    "e": ("KeyE", 69, "e"),
    "E": ("KeyE", 69, "E"),
}
_ALT, _CONTROL, _SHIFT = 1, 2, 8
# Finds visible elements by selector and, if given, accessible name or text.
_FIND = """(selector, named) => [...document.querySelectorAll(selector)].filter((element) => {
  if (!element.checkVisibility({visibilityProperty: true})) return false;
  if (named === null) return true;
  const name = element.getAttribute('aria-label') ?? element.textContent;
  return name.trim() === named;
})"""


class Broken(AssertionError):
    """The page did not do what was expected of it, or said that something went wrong."""


def find_chromium() -> str | None:
    """The browser's program, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


class Page:
    """One tab. What pages store for longer is gone when it is closed."""

    def __init__(self, url: str) -> None:
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(connect(url, max_size=None, proxy=None))
        self._number = 0
        self.problems: list[str] = []
        self._held: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")
        self.command("Emulation.setFocusEmulationEnabled", enabled=True)

    # Talking to the browser.

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give one command and wait for its result."""
        self._number += 1
        number = self._number
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(30))
            if told.get("id") == number:
                if "error" in told:
                    raise Broken(f"{method}: {told['error']['message']}")
                result: dict[str, Any] = told["result"]
                return result
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        parameters = told.get("params", {})
        if told.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        elif told.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.problems.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")
        elif told.get("method") == "Fetch.requestPaused":
            self._held.append(parameters["requestId"])

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        result = self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise Broken(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    def until(self, expression: str, seconds: float = _SECONDS) -> Any:
        """Wait until an expression is true in the page, and return it."""
        deadline = time.monotonic() + seconds
        problem = ""
        while time.monotonic() < deadline:
            try:
                if value := self.evaluate(expression):
                    return value
            except Broken as error:  # also: the page is just being replaced by another
                problem = f": {error}"
            time.sleep(_LOOK_SECONDS)
        raise Broken(f"not within {seconds} s: {expression}{problem}\n{self._excerpt()}")

    def _excerpt(self) -> str:
        with contextlib.suppress(Broken):
            return str(
                self.evaluate(
                    "(document.querySelector('dialog[open], #panes') ?? document.body).innerText.slice(0, 800)"
                )
            )
        return ""

    @contextlib.contextmanager
    def holding(self, pattern: str) -> Iterator[None]:
        """Until the end of this, the page waits for what it asks of such a URL; and it must have asked."""
        self.command("Fetch.enable", patterns=[{"urlPattern": pattern}])
        yield
        deadline = time.monotonic() + _SECONDS
        while not self._held:
            if time.monotonic() > deadline:
                raise Broken(f"nothing was asked of {pattern}")
            time.sleep(_LOOK_SECONDS)
            self.command("Page.getNavigationHistory")  # what has happened is told with the answer
        while self._held:
            self.command("Fetch.continueRequest", requestId=self._held.pop())
        self.command("Fetch.disable")

    # What a person does.

    def open(self, url: str) -> None:
        self.command("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def reload(self) -> None:
        """Reload, and wait until the new page has begun."""
        self.evaluate("window.isOld = true")
        self.command("Page.reload")
        self.until("window.isOld === undefined && document.readyState === 'complete'")

    def wait_for(self, selector: str, named: str | None = None, seconds: float = _SECONDS) -> None:
        """Wait until such an element is visible."""
        self.until(f"({_FIND})({json.dumps(selector)}, {json.dumps(named)}).length > 0", seconds)

    def wait_gone(self, selector: str, named: str | None = None) -> None:
        """Wait until no such element is visible."""
        self.until(f"({_FIND})({json.dumps(selector)}, {json.dumps(named)}).length === 0")

    def count(self, selector: str) -> int:
        """How many such elements are visible."""
        return int(self.evaluate(f"({_FIND})({json.dumps(selector)}, null).length"))

    def texts(self, selector: str) -> list[str]:
        """The texts of the visible elements of a selector, in order."""
        found = f"({_FIND})({json.dumps(selector)}, null)"
        return list(self.evaluate(f"{found}.map((element) => element.innerText.trim())"))

    def click(self, selector: str, named: str | None = None) -> None:
        """Click in the middle of the first such element, as soon as it is there and nothing covers it."""
        x, y = self._place(selector, named)
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, selector: str) -> None:
        x, y = self._place(selector, None)
        self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def _place(self, selector: str, named: str | None) -> tuple[float, float]:
        """Where such an element is, once it stays there."""
        before = None
        while before != (before := self._glance(selector, named)):
            time.sleep(_STILL_SECONDS)
        return before

    def _glance(self, selector: str, named: str | None) -> tuple[float, float]:
        where = self.until(
            f"""(() => {{
              const [element] = ({_FIND})({json.dumps(selector)}, {json.dumps(named)});
              if (!element || element.disabled) return null;
              element.scrollIntoView({{block: 'nearest'}});
              const box = element.getBoundingClientRect();
              const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
              const top = document.elementFromPoint(x, y);
              return element.contains(top) ? [x, y] : null;
            }})()"""
        )
        return where[0], where[1]

    def press(self, key: str, *, shift: bool = False, alt: bool = False, control: bool = False) -> None:
        """Press one key, with modifiers held."""
        code, number, text = _KEYS[key]
        name = {"Space": " "}.get(key, key)
        modifiers = _SHIFT * shift + _ALT * alt + _CONTROL * control
        common: dict[str, Any] = {"key": name, "code": code, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        if text and not (alt or control):
            self.command("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        else:
            self.command("Input.dispatchKeyEvent", type="rawKeyDown", **common)
        self.command("Input.dispatchKeyEvent", type="keyUp", **common)

    def type(self, text: str) -> None:
        """Put text in where the cursor is."""
        self.command("Input.insertText", text=text)

    def fill(self, selector: str, text: str) -> None:
        """Put text into a field, in place of what is there."""
        self.wait_for(selector)
        self.evaluate(f"({_FIND})({json.dumps(selector)}, null)[0].select()")
        self.type(text)

    def focused(self, of: str = "element.getAttribute('aria-label') ?? element.textContent.trim()") -> Any:
        """Something about the element that has the focus, by default its name."""
        return self.evaluate(f"(() => {{ const element = document.activeElement; return {of}; }})()")

    def focuses(
        self, expected: Any, of: str = "element.getAttribute('aria-label') ?? element.textContent.trim()"
    ) -> None:
        """Wait until what has the focus is what is expected; the page moves it a moment after a key."""
        deadline = time.monotonic() + _SECONDS
        while self.focused(of) != expected and time.monotonic() < deadline:
            time.sleep(0.02)
        assert self.focused(of) == expected

    # What the person looks through.

    def look(self, width: int, height: int, *, phone: bool = False, dark: bool = False, still: bool = True) -> None:
        """Set the window's size and the person's preferences."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self.command("Emulation.setTouchEmulationEnabled", enabled=phone)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self.command("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path) -> None:
        """Write what is seen as PNG."""
        data = self.command("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        with contextlib.suppress(Exception):  # a page that is none has nothing to clear
            self.evaluate("localStorage.clear()")
        with contextlib.suppress(Exception):
            self.command("Page.close")
        self._open.close()


class Browser:
    """A Chromium process with a profile of its own."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="parley-chromium-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._port, path = self._await_port()
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(
            connect(f"ws://127.0.0.1:{self._port}{path}", max_size=None, proxy=None)
        )
        self._number = 0

    def _await_port(self) -> tuple[int, str]:
        written = Path(self._profile.name) / "DevToolsActivePort"
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            lines = written.read_text().splitlines() if written.exists() else []
            if len(lines) == 2:
                return int(lines[0]), lines[1]
            time.sleep(_LOOK_SECONDS)
        raise Broken("Chromium did not start")

    def _command(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(30))
            if told.get("id") == self._number:
                result: dict[str, Any] = told["result"]
                return result

    def page(self, *, beside: bool = False) -> Page:
        """A new tab; in a window of its own if others are used besides it, for those behind a tab are slow.

        All tabs are of one profile: one of its own would cost each of them half a second.
        """
        target = self._command("Target.createTarget", url="about:blank", newWindow=beside)["targetId"]
        return Page(f"ws://127.0.0.1:{self._port}/devtools/page/{target}")

    def stop(self) -> None:
        with contextlib.suppress(Exception):
            self._command("Browser.close")
        self._open.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
