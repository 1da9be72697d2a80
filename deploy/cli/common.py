"""What commands share: settings from the context, the option ``--json [FILE]``, and how results are written."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import click
import orjson

from contracts.words import Language
from deploy.said import RefusalError, Said, SpokenError
from deploy.settings import PREFIX, Settings, SettingsError, load, warnings_of_tests_settings

# A Kafka that is there but busy may take its time; one that is not is known at once.
PROBE_S: Final = 30.0

P = ParamSpec("P")
R = TypeVar("R")


class UnsetError(SpokenError, SettingsError):
    """A setting that is needed is not set."""


def with_settings(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """Gives the command the checked settings as its first argument. Raises SettingsError before anything connects.

    Whatever runs under a setting of the tests says so at its start, as what it then does looks like a fault of ours.
    """

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        config = click.get_current_context().obj
        settings = load(os.environ, Path(config) if config else None)
        for warning in warnings_of_tests_settings(settings):
            click.echo(f"WARNING: {warning}.", err=True)
        return command(settings, *args, **kwargs)

    return update_wrapper(run, command)


def language_option(command: Callable[P, R]) -> Callable[P, R]:
    """Adds ``--language``, as ``language``: ``en`` or ``es``. What the command refuses is said in it."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except SpokenError as error:
            error.language = language_of(click.get_current_context())
            if isinstance(error, RefusalError):
                raise click.UsageError(str(error)) from None
            raise

    option = click.option(
        "--language",
        is_eager=True,  # what is wrong with another option is said in it too
        type=click.Choice(["en", "es"]),
        default="en",
        show_default=True,
        help="Of what is said; rules keep the names of their topics.",
    )
    return option(update_wrapper(run, command))


def language_of(context: click.Context | None) -> Language:
    """The language asked for; English where a command has none."""
    return context.params.get("language", "en") if context is not None else "en"


def json_option(command: Callable[P, R]) -> Callable[P, R]:
    """Adds ``--json [FILE]``, as ``json_to``: None, ``-`` for standard output, or a path."""
    option = click.option(
        "--json",
        "json_to",
        is_flag=False,
        flag_value="-",
        metavar="[FILE]",
        callback=_writable,
        help="Write the result as JSON to FILE, or to standard output where none is given.",
    )
    return option(command)


def _writable(context: click.Context, _parameter: click.Parameter, json_to: str | None) -> str | None:
    """Said before the work and not after it: a result that can't be written would be lost."""
    if json_to is not None and json_to != "-":
        folder = Path(json_to).parent
        if Path(json_to).is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
            raise click.UsageError(Said("unwritable", option="--json", path=json_to).in_language(language_of(context)))
    return json_to


def write_json(result: Any, json_to: str) -> None:
    """One JSON object to standard output, or to a file that is there only when it is whole."""
    text = orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if json_to == "-":
        sys.stdout.buffer.write(text)
        sys.stdout.buffer.flush()
        return
    path = Path(json_to)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(text)
        partial.replace(path)
    except OSError as error:
        raise click.UsageError(f"--json {json_to}: {error.strerror or error}") from None


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """What can't be written to this folder within is said, as a usage error."""
    try:
        yield
    except OSError as error:
        raise click.UsageError(f"{folder}: {error.strerror or error}; name a folder that you may write") from None


def need_line(settings: Settings) -> None:
    """Look at Kafka and its topics before a process of the line starts on them.

    A process that took another partition count for the line's would start, and quietly do a part of its work. Raises
    ServiceMissingError, or SettingsError where the topics have another partition count.
    """
    from deploy.services.probes import need_kafka
    from deploy.services.topics import check_topics

    need_kafka(settings.kafka, PROBE_S)
    check_topics(settings.kafka, settings.partitions, settings.audience_names)


def cluster_if_known(bootstrap: str) -> str:
    """The id of the Kafka there; empty where none is named, none answers, or it says none."""
    from deploy.services.errors import ServiceMissingError
    from deploy.services.topics import cluster_of

    try:
        return cluster_of(bootstrap) if bootstrap else ""
    except ServiceMissingError:
        return ""


def need(value: str, key: str, what: str) -> str:
    """The value of a setting that this command cannot do without. Raises UnsetError where it is unset."""
    if not value:
        raise UnsetError("unset" if key == "grafana" else "unset_but_started", key=f"{PREFIX}{key.upper()}", what=what)
    return value
