"""``gzslbench completion``: what makes a shell complete verbs, options and the names of plugins, settings and data."""

from __future__ import annotations

from typing import Literal

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print the script that makes SHELL complete gzslbench's verbs, options, methods, settings and data sets.

    \b
    in ~/.bashrc:                   eval "$(gzslbench completion bash)"
    in ~/.zshrc, after compinit:    eval "$(gzslbench completion zsh)"
    in ~/.config/fish/config.fish:  gzslbench completion fish | source
    """
    click.echo(get_completion_class(shell)(ctx.find_root().command, {}, "gzslbench", "_GZSLBENCH_COMPLETE").source())
