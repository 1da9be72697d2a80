"""Identifiers: the right ones come back canonical, the wrong ones are refused with what would be right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import identifiers as ids
from contracts.countries import COUNTRIES


def test_a_container_comes_back_without_blanks_and_in_capitals() -> None:
    assert ids.check_container("csqu 305438 3") == "CSQU3054383"  # ISO 6346's own example


def test_a_containers_wrong_check_digit_is_refused_with_the_right_one() -> None:
    with pytest.raises(ValueError, match=r"check digit is wrong: CSQU305438 ends in 3"):
        ids.check_container("CSQU3054384")


@pytest.mark.parametrize("text", ["", "CSQU305438", "CSQU30543834", "C5QU3054383", "ÇSQU3054383"])
def test_what_is_no_container_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an ISO 6346 container number"):
        ids.check_container(text)


def test_the_check_digit_of_a_cbp_entry_is_that_of_cbps_own_example() -> None:
    # CATAIR, appendix E works this one out by hand: B76 becomes 276, and 276-0324527 ends in 8.
    assert ids.entry_check_digit("B76", "0324527") == 8
    assert ids.check_entry_number("B76-0324527-8") == "B76-0324527-8"


def test_letters_of_a_filer_code_count_as_the_digits_of_their_run() -> None:
    for letters, digits in [("AJ1", "111"), ("BKS", "222"), ("IRZ", "999"), ("HQY", "888")]:
        assert ids.entry_check_digit(letters, "1234567") == ids.entry_check_digit(digits, "1234567")


@given(st.from_regex(r"[A-Z0-9]{3}", fullmatch=True), st.from_regex(r"[0-9]{7}", fullmatch=True), st.data())
def test_one_wrong_digit_in_an_entry_number_is_always_found(filer: str, serial: str, data: st.DataObject) -> None:
    right = f"{filer}-{serial}-{ids.entry_check_digit(filer, serial)}"
    assert ids.check_entry_number(right) == right
    place = data.draw(st.sampled_from([4, 5, 6, 7, 8, 9, 10, 12]))
    other = data.draw(st.sampled_from([d for d in "0123456789" if d != right[place]]))
    with pytest.raises(ValueError, match=r"check digit is wrong"):
        ids.check_entry_number(right[:place] + other + right[place + 1 :])


@pytest.mark.parametrize("text", ["B7603245278", "b76-0324527-8", "B76-324527-8", "B76-0324527-X", "B76-0324527-8\n"])
def test_what_is_no_entry_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"XXX-NNNNNNN-C"):
        ids.check_entry_number(text)


def test_a_pedimento_carries_the_last_digit_of_its_year() -> None:
    assert ids.check_pedimento("262434756000123") == "262434756000123"


def test_a_consolidated_pedimento_may_carry_the_digit_of_the_year_before() -> None:
    assert ids.check_pedimento("262434755000123") == "262434755000123"
    assert ids.check_pedimento("302434759000123") == "302434759000123"  # 2030, begun in 2029


@pytest.mark.parametrize("digit", ["0", "1", "2", "3", "4", "7", "8", "9"])
def test_a_pedimento_of_2026_carries_no_other_years_digit(digit: str) -> None:
    with pytest.raises(ValueError, match=r"9th digit must be 6, its year's last, or 5, the year before"):
        ids.check_pedimento(f"26243475{digit}000123")


@pytest.mark.parametrize("text", ["26 24 3475 6000123", "26243475600012", "2624347560001234", "26243475600012٣"])
def test_what_is_not_15_digits_is_no_pedimento(text: str) -> None:
    with pytest.raises(ValueError, match=r"pedimento of 15 digits"):
        ids.check_pedimento(text)


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (ids.check_scac, ["CR", "CRDN"], ["C", "CRDNX", "crdn", "CR1", "CRDN\n"]),
        (ids.check_locode, ["USLRD", "MXNLD", "US2AB"], ["USLR", "USLR1", "uslrd", "USLRDX", "U1LRD"]),
        (ids.check_hs, ["870323", "000000"], ["87032", "8703230", "8703.23", "87032٣"]),
        (ids.check_seal_number, ["A", "ML-EC0123456789"], ["", "0123456789012345", "has blank", "ñ"]),
        (ids.check_name, ["a", "truck-1.2_3", "x" * 64], ["", "x" * 65, "a b", "a/b", "a,b", "a=b", "a\n", "é"]),
    ],
)
def test_forms_are_held_to_the_letter(check, right: list[str], wrong: list[str]) -> None:
    for text in right:
        assert check(text) == text
    for text in wrong:
        with pytest.raises(ValueError, match="must be"):
            check(text)


def test_the_country_of_a_place_is_its_first_two_letters() -> None:
    assert (ids.country_of("USLRD"), ids.country_of("MXNLD")) == ("US", "MX")


def test_a_place_lies_in_a_country_of_iso_3166() -> None:
    assert len(COUNTRIES) == 249
    assert [ids.check_country_of(place) for place in ("USLRD", "MXNLD", "CAMTR")] == ["USLRD", "MXNLD", "CAMTR"]
    for place in ("XXXXX", "ZZLRD", "UKLON", "EUBRU"):
        with pytest.raises(ValueError, match=f"begins with no country of ISO 3166: {place[:2]}"):
            ids.check_country_of(place)
