"""What is ours in a Grafana, and by which names: the version it is made for, uids, tags, the data source.

A uid is stable: made of what it names, never drawn. Everything of ours begins with ``puente-`` and dashboards bear the
tag ``puente``, so that nothing that people made is taken for it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

# Dashboards are built from this version's types (grafana-foundation-sdk in pyproject.toml); later ones read them too.
GRAFANA_VERSION: Final = "11.6.0"

Language: TypeAlias = Literal["en", "es"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "es")

OURS: Final = "puente"
SOURCE_UID: Final = "puente-history"
SOURCE_NAME: Final = "Puente history"
SOURCE_TYPE: Final = "influxdb"
JOINT: Final = "joint"
_UID_MAX: Final = 40  # Grafana's limit for any uid


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages."""

    en: str
    es: str

    def of(self, language: Language) -> str:
        """The text in this language."""
        return self.en if language == "en" else self.es

    def both(self) -> str:
        """For what readers of either see: folders, the line's alarms. A slash would be a subfolder to Grafana."""
        return self.en if self.en == self.es else f"{self.en} · {self.es}"


def uid(*parts: str) -> str:
    """The uid of what these parts name, such as ``puente-us-alerts-es``; shortened by a hash where it is too long."""
    name = "-".join((OURS, *parts))
    if len(name) <= _UID_MAX:
        return name
    return f"{name[: _UID_MAX - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
