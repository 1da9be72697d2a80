"""Files that are given to a comparison: a version's thresholds, and what officers said of alerts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

from deploy.said import RefusalError
from detectors import thresholds

LABEL_CHARS: Final = 12  # of an id's 32: no two alerts of a line begin with the same
_SAID: Final = {"right": True, "wrong": False}


def candidate_in(path: Path, rule: str) -> Any:
    """The thresholds of ``[rules.<rule>]`` in a TOML file. Raises RefusalError, which names what is wrong."""
    try:
        tables = tomllib.loads(path.read_text())
    except OSError as error:
        raise RefusalError("unread", path=path, why=error.strerror or error) from None
    except UnicodeDecodeError:
        raise RefusalError("no_utf8", path=path) from None
    except tomllib.TOMLDecodeError as error:
        raise RefusalError("no_toml", path=path, why=error) from None
    table = tables.get("rules", {}).get(rule) if isinstance(tables.get("rules", {}), dict) else None
    if table is None:
        raise RefusalError("no_table", path=path, rule=rule)
    try:
        return thresholds.read({rule: table})[rule]
    except ValueError as error:
        raise RefusalError("no_thresholds", path=path, why=error) from None


class _Label(NamedTuple):
    line: int
    alert_id: str
    word: str


def labels_in(path: Path) -> dict[str, bool]:
    """By an alert's id or its beginning, whether officers found it right. Raises RefusalError, which names the line."""
    found: list[_Label] = []
    for number, raw in enumerate(_lines_in(path), 1):
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")  # Excel begins a file with a mark
        except UnicodeDecodeError:
            raise RefusalError("label_utf8", path=path, line=number) from None
        if not line.strip() or line.startswith("#"):
            continue
        alert_id, _, word = (part.strip() for part in line.partition(","))
        if not alert_id or word not in _SAID:
            raise RefusalError("label_form", path=path, line=number, text=line.strip())
        if len(alert_id) < LABEL_CHARS:
            raise RefusalError("label_short", path=path, line=number, id=alert_id, least=LABEL_CHARS)
        found.append(_Label(number, alert_id, word))
    return {label.alert_id: _SAID[label.word] for label in _distinct(path, found)}


def _lines_in(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except OSError as error:
        raise RefusalError("unread", path=path, why=error.strerror or error) from None


def _distinct(path: Path, labels: list[_Label]) -> list[_Label]:
    """Of each alert one, where an id stands beside its beginning. Raises RefusalError where they say both words."""
    found: list[_Label] = []
    for label in sorted(labels, key=lambda each: (each.alert_id, each.line)):  # a beginning before what it begins
        if not found or not label.alert_id.startswith(found[-1].alert_id):
            found.append(label)
        elif label.word != found[-1].word:
            first, second = sorted((found[-1], label))
            raise RefusalError(
                "label_twice", path=path, first=first.line, was=first.word, line=second.line, now=second.word,
                id=found[-1].alert_id,
            )  # fmt: skip
    return found
