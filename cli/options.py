"""The options that every command takes: which service is meant, and how the result is printed.

They may stand before the command or after it: `parley --stack chat status` and `parley status --stack chat`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.output import Output

if TYPE_CHECKING:
    from cli.place import Place

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Options:
    """The common options of one run, and what follows from them.

    Attributes:
        when_stopped: What is said after Ctrl-C.
    """

    stack: str = ""
    region: str = ""
    profile: str = ""
    json: bool = False
    when_stopped: str = "stopped"

    @cached_property
    def output(self) -> Output:
        """Where the result goes."""
        return Output(self.json)

    @cached_property
    def place(self) -> Place:
        """The service that is meant.

        Raises:
            Trouble: there is none.
        """
        if self.stack:
            from cli.deployed import DeployedStack

            return DeployedStack(self.stack, self.region, self.profile)
        from cli.local_stack import LocalStack

        return LocalStack.found()


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value and parameter.name:
        setattr(context.ensure_object(Options), parameter.name, value)


_COMMON = (
    click.option(
        "--stack",
        metavar="NAME",
        callback=_keep,
        expose_value=False,
        help="Work on this deployed stack (or PARLEY_STACK), not on the service that `make run` started.",
    ),
    click.option("--region", metavar="REGION", callback=_keep, expose_value=False, help="The AWS Region of the stack."),
    click.option(
        "--profile",
        metavar="PROFILE",
        callback=_keep,
        expose_value=False,
        help="The profile of your AWS credentials.",
    ),
    click.option("--json", is_flag=True, callback=_keep, expose_value=False, help="Print JSON instead of text."),
)


def common(function: F) -> F:
    """Give a command, or a group, the common options."""
    for option in reversed(_COMMON):
        function = option(function)
    return function


pass_options = click.make_pass_decorator(Options, ensure=True)

service_option = click.option(
    "--service", "service", metavar="IS…", help="The service; needed only if there are several."
)
"""Commands that concern one service take this option."""


class Identity(click.ParamType[str]):
    """The identity of a user."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The identity."""
        if not 0 < len(value) <= 256:
            self.fail("an identity has 1 to 256 characters", param, ctx)
        return str(value)


class Sid(click.ParamType[str]):
    """The SID of what `kind` names, which begins with `prefix`."""

    name = "sid"

    def __init__(self, prefix: str, kind: str) -> None:
        self._prefix, self._kind = prefix, kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The SID."""
        from parley.ids import is_sid

        if not is_sid(self._prefix, str(value)):
            self.fail(f"{value!r} is not the SID of a {self._kind}: {self._prefix} and 32 hex digits", param, ctx)
        return str(value)


class Duration(click.ParamType[int]):
    """A length of time: `45s`, `10m`, `2h`, `1d`, or a number of seconds."""

    name = "duration"
    _SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The seconds."""
        text = str(value).strip().lower()
        unit = self._SECONDS.get(text[-1:], 0)
        number = text[:-1] if unit else text
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            self.fail(f"{value!r} is not a length of time such as 45s, 10m, 2h or 1d", param, ctx)
        seconds = int(number) * (unit or 1)
        if not self._least <= seconds <= self._most:
            self.fail(f"{value} is not between {spelled(self._least)} and {spelled(self._most)}", param, ctx)
        return seconds


def spelled(seconds: int) -> str:
    """A length of time as it would be typed: `90s`, `10m`, `1d`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
