"""When what is strange in a place has become usual there: how many must do it, how long, and what breaks it."""

from __future__ import annotations

from detectors.lasting_change import LastingChange

MOST, OF, LASTING_MS = 4, 6, 100


def heard(*told: tuple[str, bool, int]) -> LastingChange:
    change = LastingChange()
    for vehicle, strange, at_ms in told:
        change.hear(vehicle, strange, at_ms, MOST, OF)
    return change


FOUR = (("a", True, 0), ("b", True, 10), ("c", True, 20), ("d", True, 20))


def test_it_lasts_once_enough_vehicles_have_been_strange_for_long_enough():
    change = heard(*FOUR)
    assert not change.lasts(119, LASTING_MS)
    assert change.lasts(120, LASTING_MS)


def test_one_vehicle_is_one_however_often_it_comes():
    assert not heard(*(("a", True, n) for n in range(1_000))).lasts(1_000, LASTING_MS)
    assert not heard(*FOUR[:2], *(("c", True, n) for n in range(1_000))).lasts(1_000, 0)


def test_what_fewer_than_half_do_is_over_and_time_begins_anew():
    some, fewer = (*FOUR, ("b", False, 50)), (*FOUR, ("b", False, 50), ("c", False, 50))
    assert heard(*some).lasts(120, LASTING_MS)  # three of the last six
    assert not heard(*fewer).lasts(1_000, 0)
    again = (*fewer, ("b", True, 60), ("c", True, 70))
    assert not heard(*again).lasts(169, LASTING_MS)
    assert heard(*again).lasts(170, LASTING_MS)


def test_half_of_them_are_too_few_to_begin_with():
    assert not heard(*FOUR[:3]).lasts(1_000, 0)


def test_others_that_are_usual_break_it_once_they_are_most_of_the_last():
    others = (("e", False, 30), ("f", False, 31), ("g", False, 32), ("h", False, 33))
    assert heard(*FOUR, *others[:3]).lasts(120, LASTING_MS)
    assert not heard(*FOUR, *others).lasts(120, 0)  # two of six: the first are heard of no more


def test_it_remembers_so_many_vehicles_and_no_more():
    change = heard(*((str(n), True, n) for n in range(1_000)))
    assert list(change.strange) == ["994", "995", "996", "997", "998", "999"]


def test_time_that_goes_back_begins_anew():
    change = heard(*((vehicle, strange, 1_000 + at_ms) for vehicle, strange, at_ms in FOUR), ("a", True, 500))
    assert not change.lasts(599, LASTING_MS)
    assert change.lasts(600, LASTING_MS)


def test_it_comes_back_as_it_was():
    for change in (LastingChange(), heard(("a", False, 5)), heard(*FOUR)):
        assert LastingChange.of(change.dump()) == change
