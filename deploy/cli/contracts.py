"""``puente contracts``."""

from __future__ import annotations

from pathlib import Path

import click

from deploy.cli.common import json_option, write_json

_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="docs/contracts")


@click.group()
def contracts() -> None:
    """JSON Schemas of all messages, and an AsyncAPI document of all topics, as files.

    FOLDER is docs/contracts where none is named.
    """


@contracts.command()
@_FOLDER
@json_option
def write(folder: Path, json_to: str | None) -> int:
    """Write what has changed; refuse what breaks a reader or writer of what was published.

    A change that must break goes out as a new version: raise the message's in contracts/catalogue.py, and give it a
    topic of its own.

    \b
    Example:
      puente contracts write
    """
    from deploy import contract_files

    verdict = contract_files.write(folder)
    if json_to is not None:
        write_json({"written": verdict.written, "breaks": verdict.breaks}, json_to)
        return 1 if verdict.breaks else 0
    for name in verdict.written:
        click.echo(f"{folder / name}: written")
    if not verdict.written and not verdict.breaks:
        click.echo(f"{folder} is as the code says.")
    return _tell(verdict.breaks)


@contracts.command()
@_FOLDER
@json_option
def check(folder: Path, json_to: str | None) -> int:
    """Say whether the files are as the code says, and whether a change would break somebody. Exit code 1 where so."""
    from deploy import contract_files

    verdict = contract_files.check(folder)
    if json_to is not None:
        write_json({"stale": verdict.stale, "breaks": verdict.breaks}, json_to)
        return 0 if verdict.sound else 1
    for name in verdict.stale:
        click.echo(f"{folder / name}: is not as the code says; write it anew with `puente contracts write`", err=True)
    if verdict.sound:
        click.echo(f"{folder} is as the code says, and breaks nothing that was published.")
    return _tell(verdict.breaks) or (1 if verdict.stale else 0)


def _tell(breaks: dict[str, list[str]]) -> int:
    for name, sentences in breaks.items():
        for sentence in sentences:
            click.echo(f"{name}: {sentence}", err=True)
    if breaks:
        click.echo("This breaks what was published: raise the message's version in contracts/catalogue.py.", err=True)
    return 1 if breaks else 0
