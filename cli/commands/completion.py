"""`parley completion`: makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cli.options import Options, common, pass_options


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common
@pass_options
def command(options: Options, shell: str) -> None:
    """Print a script that makes a shell complete commands and options.

    bash: parley completion bash > ~/.local/share/bash-completion/completions/parley

    zsh: parley completion zsh > a file _parley in a folder of $fpath

    fish: parley completion fish > ~/.config/fish/completions/parley.fish
    """
    root = click.get_current_context().find_root()
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(root.command, {}, "parley", "_PARLEY_COMPLETE").source())
