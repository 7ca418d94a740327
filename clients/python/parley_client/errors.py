"""What can go wrong.

ParleyError
├── RequestError          the server refused a request
├── RequestTimeout        no reply came in time
├── ConnectionLost        the connection broke after a request that changes something was sent
├── MessageTooLarge       a request is larger than 128 KB
├── UnusableFile          a file is empty, or cannot be read
├── UnusableNotification  a payload is not a push notification of Parley's
├── UnusableUrl           a URL is not the address of a socket
├── TransferFailed        the bytes of a file did not get through
├── Refused               the server refused to open a socket
│   └── Denied            it refused because of the token: the client waits for another one
└── ClientClosed          the client was shut down
"""

from __future__ import annotations

TOKEN_EXPIRED = 20104
NOT_FOUND = 20404
CONNECTION_IS_OVER = {51006, 20103, TOKEN_EXPIRED}
"""With these codes the server refuses every request on a connection, before it closes the connection."""


class ParleyError(Exception):
    """Anything that this library raises."""


class RequestError(ParleyError):
    """The server refused a request."""

    def __init__(self, status: int, code: int, message: str, action: str) -> None:
        super().__init__(f"{action}: {message} (status {status}, code {code})")
        self.status = status
        self.code = code
        self.message = message
        self.action = action


class RequestTimeout(ParleyError):
    """No reply came in time. It is unknown whether the server carried out the request."""


class ConnectionLost(ParleyError):
    """The connection broke after the request was sent. It is unknown whether the server carried it out."""


class MessageTooLarge(ParleyError):
    """The request is larger than 128 KB, the limit of a socket."""


class UnusableFile(ParleyError):
    """The file is empty, or it cannot be read."""


class UnusableNotification(ParleyError):
    """The payload is not a push notification of Parley's."""


class UnusableUrl(ParleyError, ValueError):
    """The URL is not the address of a socket."""


class TransferFailed(ParleyError):
    """The bytes of a file did not get through.

    Attributes:
        status: The HTTP status of the store; None if no answer came.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Refused(ParleyError):
    """The server refused to open a socket.

    Attributes:
        status: The HTTP status.
        code: The error code; 0 if the answer has none.
        message: The reason.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"{message} (status {status}, code {code})")
        self.status = status
        self.code = code
        self.message = message


class Denied(Refused):
    """The token was refused; the client waits for another one."""


class ClientClosed(ParleyError):
    """The client was shut down."""
