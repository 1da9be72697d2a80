"""What was published before, read from git: every state that the files of a contracts folder have had.

The files beside the code say what is published today, and one commit can change both. So today's contracts are also
held against what is out: what each release has (a tag ``v...``), and what the main line has had, merge by merge. What a
branch tried and took back was never out: a branch counts from where it left origin's default branch.

A state that was never read by anyone may be taken back, by a line in the folder's ``withdrawn``: the file, a commit and
why. What that file was up to that commit counts no more. What a release has cannot be taken back in place; only
once the message has left the catalogue may a line retire it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from contracts.catalogue import MESSAGES, Message
from contracts.channel_compatibility import channel_breaks
from contracts.compatibility import breaks
from contracts.schemas import schema_of
from deploy import contract_files

DOCUMENT: Final = "asyncapi.json"
WITHDRAWN: Final = "withdrawn"
_RELEASES: Final = "v[0-9]*"
_GIT_S: Final = 60.0
# Set inside a hook of git's, they would point it at another repository than the folder's.
_NOT_OURS: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class NoHistoryError(Exception):
    """What was published before cannot be known here. The message says why, and what would help."""


class WithdrawnError(Exception):
    """A line of ``withdrawn`` cannot stand. The message says which, and why."""


@dataclass(frozen=True, slots=True)
class State:
    """One file as it once was. ``since`` and ``day`` are the commit that made it so; ``release`` a tag that has it."""

    file: str
    blob: str
    since: str
    day: str
    release: str = ""

    def __str__(self) -> str:
        return f"release {self.release}" if self.release else f"{self.since[:9]} of {self.day}"


@dataclass(frozen=True, slots=True)
class Past:
    """What was compared: how many states since which day, and what breaks, sentences by file name."""

    states: int
    since_day: str
    breaks: dict[str, list[str]]


def check(folder: Path, messages: tuple[Message, ...] = MESSAGES) -> Past:
    """Hold today's contracts against every state that is out. Raises NoHistoryError, WithdrawnError."""
    known = {m.file: m for m in messages if m.form is not None}
    out = published(folder)
    lines = withdrawn(folder, out)
    states = [state for state in out if not _taken_back(state, out, lines, known)]
    contents = _contents(folder, {state.blob for state in states})
    found: dict[str, dict[str, State]] = {}
    for state in states:  # the newest first: a sentence names the last state that it is true of
        for sentence in _broken(folder, state, contents[state.blob], known):
            found.setdefault(state.file, {}).setdefault(sentence, state)
    said = {file: [f"{text} (published in {state})" for text, state in each.items()] for file, each in found.items()}
    return Past(len(states), min((state.day for state in states), default=""), said)


def published(folder: Path) -> list[State]:
    """Every state of each contract that is out, the newest first, releases after. Raises NoHistoryError."""
    if _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true":
        raise NoHistoryError("this clone is shallow; fetch the rest with `git fetch --unshallow --tags`")
    found: list[State] = []
    log = _git(
        folder, "log", "--first-parent", "-m", "--raw", "--no-renames", "--no-abbrev", "--relative",
        "--format=commit %H %cs", _trunk(folder), "--", ".",
    )  # fmt: skip
    commit = day = ""
    for line in log.splitlines():
        if line.startswith("commit "):
            _, commit, day = line.split()
        elif line.startswith(":"):
            about, _, file = line.partition("\t")
            blob = about.split()[3]
            if _is_contract(file) and blob.strip("0"):  # all zeros: it was removed there
                found.append(State(file, blob, commit, day))
    for tag in _git(folder, "tag", "--merged", "HEAD", "--list", _RELEASES).split():
        commit, day = _git(folder, "log", "-1", "--format=%H %cs", tag).split()
        for line in _git(folder, "ls-tree", "-r", tag, "--", ".").splitlines():
            about, _, file = line.partition("\t")
            if _is_contract(file):
                found.append(State(file, about.split()[2], commit, day, tag))
    return found


def withdrawn(folder: Path, out: Iterable[State]) -> dict[str, set[str]]:
    """By file, the blobs that a line of ``withdrawn`` takes back. Raises WithdrawnError."""
    order: dict[str, list[State]] = {}
    for state in out:
        if not state.release:
            order.setdefault(state.file, []).append(state)
    found: dict[str, set[str]] = {}
    try:
        lines = (folder / WITHDRAWN).read_text().splitlines()
    except FileNotFoundError:
        return {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        file, commit, why = [*line.split(maxsplit=2), "", ""][:3]
        at = next(
            (i for i, s in enumerate(order.get(file, ())) if len(commit) >= 7 and s.since.startswith(commit)), None
        )
        if at is None or not why:
            raise WithdrawnError(
                f"{folder / WITHDRAWN}: {line!r} must be a file, a commit (7 letters at least) that changed it, and why"
            )
        found.setdefault(file, set()).update(state.blob for state in order[file][at:])
    return found


def _taken_back(state: State, out: list[State], taken_back: dict[str, set[str]], known: dict[str, Message]) -> bool:
    if state.blob not in taken_back.get(state.file, ()):
        return False
    release = next((s.release for s in out if s.release and (s.file, s.blob) == (state.file, state.blob)), "")
    if release and (state.file == DOCUMENT or _message(state.file) in known):
        raise WithdrawnError(f"{state.file} of {state.since[:9]} is in release {release}: it cannot be withdrawn")
    return True


def _broken(folder: Path, state: State, old: Any, known: dict[str, Message]) -> list[str]:
    if state.file == DOCUMENT:
        return channel_breaks(old, json.loads(_made()[DOCUMENT]))
    name = _message(state.file)
    if name in known:
        return breaks(old, schema_of(known[name]), known[name].role)
    kept = folder / state.file  # of a version that went up the file stays, for its last readers
    later = [m for m in known.values() if m.name == name.rpartition(".v")[0]]
    if not later:
        return ["the message was published, and the catalogue has it no more"]
    if not kept.exists():
        return ["the version was published, and its file is gone; it stays for its last readers"]
    return breaks(old, json.loads(kept.read_text()), later[0].role)


def _contents(folder: Path, blobs: set[str]) -> dict[str, Any]:
    """The JSON of each blob, in one question."""
    wanted = sorted(blobs)
    answer = _git_bytes(folder, "cat-file", "--batch", given="".join(f"{blob}\n" for blob in wanted).encode())
    found, at = {}, 0
    for blob in wanted:
        head, _, _ = answer[at:].partition(b"\n")
        size = int(head.split()[2])
        start = at + len(head) + 1
        found[blob] = json.loads(answer[start : start + size])
        at = start + size + 1
    return found


def _trunk(folder: Path) -> str:
    """Up to where this branch's states are out: where it left origin's default branch; HEAD where there is none."""
    try:
        return _git(folder, "merge-base", "HEAD", "refs/remotes/origin/HEAD").strip()
    except NoHistoryError:
        return "HEAD"


def _git(folder: Path, *arguments: str) -> str:
    return _git_bytes(folder, *arguments).decode()


def _git_bytes(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    environ = {key: value for key, value in os.environ.items() if key not in _NOT_OURS}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            input=given, capture_output=True, timeout=_GIT_S, env=environ, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise NoHistoryError("git is not installed") from None
    except subprocess.TimeoutExpired:
        raise NoHistoryError(f"git did not answer within {_GIT_S:.0f} s") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise NoHistoryError(said or f"git ended with code {done.returncode}")
    return done.stdout


def _is_contract(file: str) -> bool:
    return file == DOCUMENT or (file.startswith("schemas/") and file.endswith(".json"))


def _message(file: str) -> str:
    return file.removeprefix("schemas/")


@cache
def _made() -> dict[str, str]:
    return contract_files.made()
