"""A shipment's papers: numbers that pass the checks real ones pass, drawn from a seeded generator.

Containers carry ISO 6346 check digits, CBP entries theirs, pedimentos the layout of facts of the field; goods come
from the five strategic sectors and from two everyday trades. Names and codes of companies are invented.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from stdnum import iso6346

from contracts.identifiers import entry_check_digit
from contracts.reference import Seal, Sector

CARRIERS: Final = ("CRDN", "PTNE", "BRVO")  # three carriers' SCACs
_OWNERS: Final = ("CRDU", "PTNU", "BRVU")


@dataclass(frozen=True, slots=True)
class Goods:
    """What is carried. ``band_c`` is the least and greatest temperature it may have; None where it does not matter."""

    sector: Sector
    hs_code: str
    trader: str
    band_c: tuple[float, float] | None = None


CHILLED: Final = (
    Goods("biopharmaceuticals", "300215", "Biologicos del Norte", (2.0, 8.0)),
    Goods("biopharmaceuticals", "300241", "Cold Spring Vaccines", (-25.0, -18.0)),
    Goods("other", "081010", "Frutas Rio Bravo", (0.0, 5.0)),
)
DRY: Final = (
    Goods("semiconductors", "854231", "Lone Star Semiconductors"),
    Goods("electric_vehicles", "870380", "Regio Electromotriz"),
    Goods("aerospace", "880730", "Alamo Airframes"),
    Goods("critical_minerals", "284690", "Sierra Tierras Raras"),
    Goods("other", "940360", "Muebles Cadereyta"),
)


def container_number(rng: random.Random) -> str:
    """A container number with its ISO 6346 check digit."""
    body = f"{rng.choice(_OWNERS)}{rng.randrange(1_000_000):06d}"
    return f"{body}{iso6346.calc_check_digit(body)}"


def entry_number(rng: random.Random) -> str:
    """A CBP entry number XXX-NNNNNNN-C."""
    filer, serial = rng.choice(("PNT", "LRD", "B35")), f"{rng.randrange(10_000_000):07d}"
    return f"{filer}-{serial}-{entry_check_digit(filer, serial)}"


def pedimento(rng: random.Random, at_ms: int) -> str:
    """A pedimento of aduana 24 (Nuevo Laredo) of the year that ``at_ms`` lies in."""
    year = datetime.fromtimestamp(at_ms / 1000, UTC).year % 100
    return f"{year:02d}24{rng.randrange(3000, 3999):04d}{year % 10}{rng.randrange(1_000_000):06d}"


def seal(rng: random.Random, effective_ms: int) -> Seal:
    """A high-security electronic seal, as C-TPAT wants it (ISO 17712 class H)."""
    return Seal(
        effective_ms=effective_ms,
        seal_number=f"ESL{rng.randrange(10**9):09d}",
        class_="H",
        source=rng.choice(("SHIPPER", "CARRIER", "CUSTOMS")),
        type="BOLT",
        placement="DOOR",
    )
