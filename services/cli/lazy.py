"""Groups of commands that import a command only when it is called, so that `--help` is quick."""

import difflib
import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import click


class Entry(NamedTuple):
    """Where a command lives, and the line that `--help` shows of it."""

    target: str
    """`module:attribute`."""
    help: str


class LazyGroup(click.Group):
    """A group whose commands stand in a table."""

    def __init__(
        self, *, table: Mapping[str, Entry], **settings: Any
    ) -> None:  # click's own settings, many and its own
        super().__init__(**settings)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        entry = self._table.get(cmd_name)
        if entry is None:
            nearest = difflib.get_close_matches(cmd_name, self._table, n=1)
            ctx.fail(
                f"no command {cmd_name!r}{f', did you mean {nearest[0]!r}?' if nearest else ''} "
                f"See {ctx.command_path} --help."
            )
        module, _, attribute = entry.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command), f"{entry.target} is no command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self._table.items()])
