"""``puente contracts``."""

from __future__ import annotations

from pathlib import Path

import click

from deploy.cli.common import json_option, write_json, writing_to

_FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="docs/contracts")


@click.group(short_help="Publish the JSON Schemas of all messages and the AsyncAPI document; check them.")
def contracts() -> None:
    """JSON Schemas of all messages, and an AsyncAPI document of all topics, as files.

    FOLDER is docs/contracts where none is named. In a git checkout they are held against everything that was published
    before, too: by a release, or on the main line. What nobody ever read may be withdrawn by a line in
    FOLDER/withdrawn: the file, the commit up to which it counts no more, and why.
    """


@contracts.command(short_help="Write what has changed; refuse what would break somebody.")
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

    breaks, compared = _past(folder) if folder.exists() else ({}, "")
    with writing_to(folder):
        verdict = contract_files.Verdict(breaks=breaks) if breaks else contract_files.write(folder)
    if json_to is not None:
        write_json({"written": verdict.written, "breaks": verdict.breaks}, json_to)
        return 1 if verdict.breaks else 0
    for name in verdict.written:
        click.echo(f"{folder / name}: written")
    if not verdict.written and not verdict.breaks:
        click.echo(f"{folder} is as the code says.")
    if compared:
        click.echo(compared, err=True)
    return _tell(verdict.breaks)


@contracts.command(short_help="Say what is stale, and what a change would break.")
@_FOLDER
@json_option
def check(folder: Path, json_to: str | None) -> int:
    """Say whether the files are as the code says, and whether a change would break somebody. Exit code 1 where so."""
    from deploy import contract_files

    verdict = contract_files.check(folder)
    if len(verdict.missing) == len(contract_files.made()):
        raise click.UsageError(
            f"{folder} holds no contracts: name their folder, or make them: `puente contracts write`"
        )
    past, compared = _past(folder)
    breaks = {name: [*verdict.breaks.get(name, []), *past.get(name, [])] for name in sorted({*verdict.breaks, *past})}
    if json_to is not None:
        found = {"missing": verdict.missing, "stale": verdict.stale, "breaks": breaks, "compared": compared}
        write_json(found, json_to)
        return 1 if breaks or not verdict.sound else 0
    for name in verdict.missing:
        click.echo(f"{folder / name}: is not there; write it with `puente contracts write`", err=True)
    for name in verdict.stale:
        click.echo(f"{folder / name}: is not as the code says; write it anew with `puente contracts write`", err=True)
    if verdict.sound and not breaks:
        click.echo(f"{folder} is as the code says, and breaks nothing that it publishes.")
    click.echo(compared, err=True)
    return _tell(breaks) or (0 if verdict.sound else 1)


def _past(folder: Path) -> tuple[dict[str, list[str]], str]:
    """What of the published past breaks, and a sentence on what was compared."""
    from deploy import contract_history

    try:
        past = contract_history.check(folder)
    except contract_history.NoHistoryError as error:
        return {}, f"Not compared with what was published before: {error}."
    except contract_history.WithdrawnError as error:
        raise click.UsageError(str(error)) from None
    if not past.states:
        return {}, "Nothing was published before."
    return past.breaks, f"Compared with all that was published since {past.since_day}: {past.states} states of files."


def _tell(breaks: dict[str, list[str]]) -> int:
    for name, sentences in breaks.items():
        for sentence in sentences:
            click.echo(f"{name}: {sentence}", err=True)
    if breaks:
        click.echo("This breaks what was published: raise the message's version in contracts/catalogue.py.", err=True)
    return 1 if breaks else 0
