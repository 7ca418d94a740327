"""The command `parley`: its options, its commands, and how it reports errors."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from cli import trouble
from cli.commands import (
    auth_token,
    completion,
    console,
    content,
    credentials,
    doctor,
    logs,
    phones,
    push,
    status,
    token,
    webhooks,
)
from cli.options import Options, common
from cli.output import note
from cli.trouble import Trouble
from parley.version import VERSION

_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_STATUSES = "Exit status: 0 done, 1 failed, 2 wrong usage, 3 a check failed, 130 stopped."


@click.group(context_settings=_HELP, epilog=_STATUSES)
@click.version_option(VERSION, "--version", message="parley %(version)s")
@common
def parley() -> None:
    """Operate Parley: the service that `make run` started, or a deployed stack (--stack NAME)."""


_MODULES = (credentials, token, console, doctor, status, logs, webhooks, push, phones, content, auth_token, completion)
for _module in _MODULES:
    parley.add_command(_module.command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = Options(stack=os.environ.get("PARLEY_STACK", ""))
    try:
        with _without_log_lines():
            returned = parley.main(
                None if arguments is None else list(arguments), "parley", standalone_mode=False, obj=options
            )
    except click.Abort:
        note(options.when_stopped)
        return trouble.STOPPED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit:
        # Whoever read the output has had enough, as in `parley logs | head`.
        return trouble.DONE
    except Trouble as error:
        note(f"parley: {error}")
        return trouble.FAILED
    except Exception as error:
        if (line := trouble.said(error, is_local=not options.stack)) is None:
            raise
        note(f"parley: {line}")
        return trouble.FAILED
    return returned if isinstance(returned, int) else trouble.DONE


@contextmanager
def _without_log_lines() -> Iterator[None]:
    """Nothing is logged: the lines of an operation on the table would stand between the results of a command."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def run() -> int:
    """The entry of the installed command."""
    # If a script starts this in the background, the shell has Ctrl-C ignored. Stop ignoring it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return main()
