"""Who let which version of a model take over, and on what comparison: a file, one record of JSON a line.

A record is bound by hashes: to the content of the version that was compared, and to its own text, so that one altered
since is found. That is no signature: whoever may write the file can forge a line. Keep it where changes are reviewed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import orjson
from msgspec import Meta

from deploy.said import RefusalError

_HASH = "sha256"
# What a calendar can show; beyond it lies no record.
TimeMs: TypeAlias = Annotated[int, Meta(ge=0, lt=253_402_300_800_000)]


class Criterion(msgspec.Struct, frozen=True):
    """See ``streams.shadow_report``."""

    name: str
    holds: bool
    says: str
    unknown: str = ""


class Compared(msgspec.Struct, kw_only=True, frozen=True):
    """On what a version was compared, and with which. ``report_sha256`` is the report's own.

    ``since_ms`` and ``until_ms`` are Kafka's times of the first and the last record; ``count`` windows or values judged
    by both; ``episodes`` by who told them; ``labelled`` how many officers had judged. ``cluster`` is Kafka's id and
    ``topic`` what was read there; empty where that is not known. ``told``: with what the line told, by ``against``,
    whose content is not known.
    """

    against: str
    against_sha256: str
    since_ms: TimeMs
    until_ms: TimeMs
    count: int
    episodes: dict[str, int]
    labelled: int
    criteria: list[Criterion]
    report_sha256: str
    cluster: str = ""
    topic: str = ""
    told: bool = False

    @property
    def failed(self) -> list[str]:
        """Criteria that did not hold."""
        return [criterion.name for criterion in self.criteria if not criterion.holds]


class Adoption(msgspec.Struct, kw_only=True, frozen=True):
    """``by`` let ``model`` take over with these thresholds at ``at`` (RFC 3339, UTC).

    ``waived`` is the reason why without a comparison that says ready; empty where there is one.
    """

    model: str
    model_sha256: str
    thresholds: dict[str, float]
    by: str
    at: str
    waived: str = ""
    compared: Compared | None = None

    @property
    def holds(self) -> bool:
        """Whether it lets the version take over: by a comparison that says ready, or by a reason given."""
        return bool(self.waived) or (self.compared is not None and not self.compared.failed)


def seal(content: Mapping[str, Any]) -> str:
    """The hash of plain data, whatever the order of its keys: 64 hexadecimal digits."""
    return hashlib.sha256(orjson.dumps(dict(content), option=orjson.OPT_SORT_KEYS)).hexdigest()


def append(path: Path, adoption: Adoption) -> None:
    """Write a record at the file's end, to last. Raises OSError."""
    plain = msgspec.to_builtins(adoption)
    line = orjson.dumps({**plain, _HASH: seal(plain)}) + b"\n"
    with path.open("ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # an editor may leave it out, and two records on a line are none
                line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> Sequence[Adoption]:
    """All records, oldest first. Raises OSError, and RefusalError.

    That one names the file and the line that is no record or was altered, and says what to do with it.
    """
    found = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            plain = orjson.loads(line)
            told = plain.pop(_HASH)
            adoption = msgspec.convert(plain, Adoption)
        except (ValueError, KeyError, TypeError, AttributeError, msgspec.ValidationError):
            raise RefusalError("no_record", path=path, line=number) from None
        if seal(plain) != told:
            raise RefusalError("altered_record", path=path, line=number)
        found.append(adoption)
    return found
