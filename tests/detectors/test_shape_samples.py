"""Samples keep what stands out of a few values, and the features of eight of them say form and level."""

from __future__ import annotations

import pytest

from detectors.shape_samples import FEATURES, WINDOW, ShapeSamples, features


def samples(parts: list[float]) -> list[int]:
    heard = ShapeSamples()
    return [sample for part in parts if (sample := heard.add(part)) is not None]


def test_a_spike_among_three_values_is_their_sample_up_or_down() -> None:
    calm = [0.5] * 30
    assert samples([*calm, 0.5, 0.9, 0.5])[-1] == 72
    assert samples([*calm, 0.5, 0.1, 0.5])[-1] == 8


def test_what_is_near_the_median_is_the_median() -> None:
    assert set(samples([0.5] * 30 + [0.53] * 3)) == {40}
    assert samples([0.5] * 30 + [0.6] * 3)[-1] == 48


def test_the_median_is_that_of_all_samples() -> None:
    rising = [level / 80 for level in range(0, 81, 8) for _ in range(3)]
    heard = ShapeSamples()
    for part in [*rising, *([1.0] * 60)]:
        heard.add(part)
    assert heard.add(0.96) is heard.add(0.96) is None
    assert heard.add(0.96) == 80


@pytest.mark.parametrize("part", [-5.0, 7.0])
def test_what_is_beyond_the_range_is_at_its_end(part: float) -> None:
    assert samples([0.5] * 30 + [part] * 3)[-1] == (0 if part < 0 else 80)


def test_the_same_form_at_another_level_has_the_same_first_half_of_features() -> None:
    low, high = bytes([10, 10, 20, 10, 10, 10, 10, 10]), bytes([40, 40, 60, 40, 40, 40, 40, 40])
    assert len(features(low)) == FEATURES
    assert features(low)[:WINDOW] == features(high)[:WINDOW]
    assert features(low)[WINDOW:] != features(high)[WINDOW:]
    assert features(high)[-1] == round(255 * 40 / 80)


def test_a_flat_stretch_has_a_shape_too() -> None:
    assert list(features(bytes([80] * 8))) == [0] * 8 + [255] * 8


def test_a_dump_goes_on_as_if_nothing_had_been() -> None:
    through, restored = ShapeSamples(), ShapeSamples()
    parts = [(31 * i % 17) / 16 for i in range(200)]
    for part in parts[:100]:
        through.add(part)
    restored.load(through.dump())
    assert [through.add(part) for part in parts[100:]] == [restored.add(part) for part in parts[100:]]
    assert restored.dump() == through.dump()
