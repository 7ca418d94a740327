"""A stand between the page and its sockets, which can hold requests back, spoil them and break connections."""

from __future__ import annotations

import json

from playwright.sync_api import Page, WebSocketRoute

from tests.support.waiting import until

REQUEST_TIMEOUT_MILLISECONDS = 30_000


class Sockets:
    """The sockets of a page. To be made before the page opens any."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._servers: dict[WebSocketRoute, WebSocketRoute] = {}  # of each open socket: the way on to the service
        self._held: list[tuple[WebSocketRoute, str]] = []
        self._held_action = ""
        self._spoiled_action = ""
        self._held_event = ""
        self._held_pushes: list[tuple[WebSocketRoute, str]] = []
        self._is_shut = False
        page.clock.install()
        page.route_web_socket("**/ws**", self._on_socket)

    def hold(self, action: str) -> None:
        """From now on, requests for that action do not leave the page."""
        self._held_action = action

    def tell(self, frame: object) -> None:
        """Send a frame to the page on every open socket, as the service would."""
        for socket in self._servers:
            socket.send(json.dumps(frame))

    def hold_pushes(self, event: str) -> None:
        """From now on, frames with pushes of that event do not reach the page."""
        self._held_event = event

    def let_pushes_go(self) -> None:
        """Let the pushes that were held back reach the page, and hold none any more."""
        self._held_event = ""
        for socket, frame in self._held_pushes:
            if socket in self._servers:
                socket.send(frame)
        self._held_pushes.clear()

    def await_held_pushes(self, count: int) -> None:
        """Wait until so many pushes are held back."""
        until(lambda: self._page.evaluate("true") and len(self._held_pushes) >= count, what="pushes to hold back")

    def spoil(self, action: str) -> None:
        """From now on, the service cannot understand requests for that action; empty: it understands all again."""
        self._spoiled_action = action

    def let_go(self) -> None:
        """Send the requests that were held back, and hold none any more. Those of closed connections are lost."""
        self._held_action = ""
        for socket, frame in self._held:
            if socket in self._servers:
                self._servers[socket].send(frame)
        self._held.clear()

    def cut(self) -> None:
        """Break all connections."""
        for socket in list(self._servers):
            self._on_close(socket)
            socket.close()

    def shut(self) -> None:
        """Break all connections, and refuse new ones."""
        self._is_shut = True
        self.cut()

    def reopen(self) -> None:
        """Let new connections through again, and let the clients try at once."""
        self._is_shut = False
        self._page.clock.fast_forward(60_000)

    def lose_patience(self) -> None:
        """Wait until a request is held back, then let the page's clock pass the time in which it expects an answer."""
        # Playwright hears of frames only while the test asks it something.
        until(lambda: self._page.evaluate("true") and self._held, what="a request to hold back")
        self._page.clock.fast_forward(REQUEST_TIMEOUT_MILLISECONDS)

    def _on_socket(self, socket: WebSocketRoute) -> None:
        if self._is_shut:
            socket.close()
            return
        server = self._servers[socket] = socket.connect_to_server()
        socket.on_message(lambda frame: self._on_frame(socket, str(frame)))
        socket.on_close(lambda code, reason: self._on_close(socket))
        server.on_message(lambda frame: self._on_push(socket, str(frame)))
        server.on_close(lambda code, reason: self._on_close(socket))

    def _on_frame(self, socket: WebSocketRoute, frame: str) -> None:
        action = json.loads(frame).get("action")
        if action == self._held_action:
            self._held.append((socket, frame))
        elif action == self._spoiled_action:
            self._servers[socket].send(frame.replace(f'"{action}"', '"nonsense"'))
        else:
            self._servers[socket].send(frame)

    def _on_push(self, socket: WebSocketRoute, frame: str) -> None:
        content = json.loads(frame)
        parts = content if isinstance(content, list) else [content]
        if not self._held_event or self._held_event not in [part.get("event") for part in parts]:
            socket.send(frame)
            return
        # A reply may come with the pushes of what it caused. Only the pushes are held back.
        for reply in (part for part in parts if "event" not in part):
            socket.send(json.dumps(reply))
        pushes = [part for part in parts if "event" in part]
        self._held_pushes.append((socket, json.dumps(pushes)))

    def _on_close(self, socket: WebSocketRoute) -> None:
        """Either side has closed: close the other."""
        server = self._servers.pop(socket, None)
        if server is not None:
            server.close()
            socket.close()
