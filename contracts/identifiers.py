"""Identifiers of the field and the checks they carry with them.

Each ``check_*`` returns the canonical form or raises ``ValueError`` with a sentence that names what would be right.
Sources: ISO 6346 (container check digit), UN/LOCODE (5 letters and digits), SCAC (2 to 4 letters), pedimento
(Anexo 22 of Mexico's foreign trade rules, field 1), CBP entry number (CATAIR, appendix E).
"""

from __future__ import annotations

import re
from typing import Final

from stdnum import iso6346, luhn

from contracts.countries import COUNTRIES

NAME_PATTERN: Final = r"^[A-Za-z0-9._-]{1,64}\Z"  # not $, which lets a newline follow
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CONTAINER = re.compile(r"[A-Z]{3}[UJZR][0-9]{7}")  # owner, category (R: a carrier's own reefer), serial, check digit
_SCAC = re.compile(r"[A-Z]{2,4}")
_LOCODE = re.compile(r"[A-Z]{2}[A-Z2-9]{3}")
_HS = re.compile(r"[0-9]{6}")
_PEDIMENTO = re.compile(r"[0-9]{15}")
_ENTRY = re.compile(r"([A-Z0-9]{3})-([0-9]{7})-([0-9])")
_ENTRY_DIGITS = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "12345678912345678923456789")
_SEAL = re.compile(r"[A-Za-z0-9._-]{1,15}")


def is_name(text: str) -> bool:
    """True for what may name a device, a route, a rule: 1 to 64 of ``A-Z a-z 0-9 . _ -``.

    Nothing that means something to a shell, a topic filter or InfluxDB's line protocol gets through.
    """
    return _NAME.fullmatch(text) is not None


def check_name(text: str) -> str:
    """The name itself. Raises ValueError where it is not 1 to 64 of ``A-Z a-z 0-9 . _ -``."""
    if not is_name(text):
        raise ValueError("must be 1 to 64 of letters, digits, '.', '_' or '-'")
    return text


def check_container(text: str) -> str:
    """An ISO 6346 container number without blanks, its check digit verified."""
    number = str(iso6346.compact(text))
    if _CONTAINER.fullmatch(number) is None:
        raise ValueError("is not an ISO 6346 container number, such as CSQU3054383")
    body = number[:-1]
    right = iso6346.calc_check_digit(body)
    if number[-1] != right:
        raise ValueError(f"check digit is wrong: {body} ends in {right} (ISO 6346)")
    return number


def check_scac(text: str) -> str:
    """A Standard Carrier Alpha Code: 2 to 4 capital letters."""
    if _SCAC.fullmatch(text) is None:
        raise ValueError("must be a SCAC: 2 to 4 capital letters, such as CRDN")
    return text


def check_locode(text: str) -> str:
    """A UN/LOCODE's form: country and place, 5 characters, such as USLRD."""
    if _LOCODE.fullmatch(text) is None:
        raise ValueError("must be a UN/LOCODE: 5 characters, such as USLRD or MXNLD")
    return text


def check_country_of(locode: str) -> str:
    """A UN/LOCODE whose country is one of ISO 3166's. Raises ValueError where its first two letters are none.

    Whether that country has such a place is not checked: the list has over 100,000 and changes twice a year, so
    ``MXZZZ`` passes.
    """
    if country_of(locode) not in COUNTRIES:
        why = f"{locode} begins with no country of ISO 3166: {country_of(locode)}"
        raise ValueError(f"must be a UN/LOCODE, such as USLRD or MXNLD; {why}")
    return locode


def country_of(locode: str) -> str:
    """ISO 3166 alpha-2 country of a UN/LOCODE: ``US`` for ``USLRD``."""
    return locode[:2]


def check_hs(text: str) -> str:
    """An HS code at six digits."""
    if _HS.fullmatch(text) is None:
        raise ValueError("must be an HS code of 6 digits, such as 870323")
    return text


def check_pedimento(text: str) -> str:
    """A pedimento: 15 digits, of which the ninth must fit the year.

    Layout: year of validation (2), aduana (2), patente (4), last digit of the current year (1), serial (6). The ninth
    digit is that of the year before only where a consolidated pedimento was begun in it (Anexo 22, field 1).
    """
    if _PEDIMENTO.fullmatch(text) is None:
        raise ValueError("must be a pedimento of 15 digits: year 2, aduana 2, patente 4, year's last digit 1, serial 6")
    year, before = text[1], str((int(text[1]) - 1) % 10)
    if text[8] not in {year, before}:
        raise ValueError(f"its 9th digit must be {year}, its year's last, or {before}, the year before; not {text[8]}")
    return text


def entry_check_digit(filer: str, serial: str) -> int:
    """Check digit of a CBP entry number from its filer code (3 characters) and serial (7 digits).

    Source: CATAIR, appendix E: letters become digits in three runs (A-I 1 to 9, J-R 1 to 9, S-Z 2 to 9), and Luhn's
    check digit of the ten digits follows.
    """
    return int(luhn.calc_check_digit((filer + serial).translate(_ENTRY_DIGITS)))


def check_entry_number(text: str) -> str:
    """A CBP entry number XXX-NNNNNNN-C, its check digit verified."""
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise ValueError("must be a CBP entry number XXX-NNNNNNN-C")
    right = entry_check_digit(found[1], found[2])
    if right != int(found[3]):
        raise ValueError(f"check digit is wrong: {found[1]}-{found[2]} ends in {right}")
    return text


def check_seal_number(text: str) -> str:
    """A seal number as DCSA has it: up to 15 characters."""
    if _SEAL.fullmatch(text) is None:
        raise ValueError("must be a seal number: 1 to 15 of letters, digits, '.', '_' or '-'")
    return text
