"""A shape never seen is said once, one that recurs is not, and state stays small."""

from __future__ import annotations

import math
import pickle
import random

from detectors.unseen_shape import UnseenShape


def waves(count: int, seed: int = 3) -> list[float]:
    rng = random.Random(seed)
    return [0.5 + 0.3 * math.sin(2 * math.pi * i / 60) + rng.gauss(0, 0.01) for i in range(count)]


def run(shapes: UnseenShape, parts: list[float]) -> list[float]:
    said = []
    for part in parts:
        shapes.learn(part)
        said.append(shapes.lately)
    return said


def shapes_that_fitted(shapes: UnseenShape) -> int:
    """Since the last new one."""
    (_, _, fitting, *_), *_ = shapes.dump()
    return int(fitting)


def test_a_wave_that_stops_has_an_unseen_shape_and_no_wave_before_had_one_as_unseen() -> None:
    said = run(UnseenShape(), [*waves(3000), *[0.8] * 60])
    assert sum(say > 0.5 for say in said[:3000]) == 0
    assert max(said[3000:]) > 0.8


def test_no_level_was_new_where_a_shape_was() -> None:
    """The control: the stretch that stops is within what was; it is its form that is new."""
    assert max(waves(3000)) > 0.8


def test_what_was_said_fades_and_is_not_said_anew_at_each_value() -> None:
    said = run(UnseenShape(), [*waves(3000), *[0.8] * 120])
    begun = next(i for i in range(3000, len(said)) if said[i] > 0.8)
    assert said[begun + 2] == said[begun] * 0.9 * 0.9
    assert max(said[begun + 60 :]) < 0.05


def test_soon_after_a_shape_was_said_another_new_one_is_said_only_where_it_fits_far_worse() -> None:
    """Noise after a wave: nearly each of its first shapes is new, and only what stands out among them is said anew."""
    rng, shapes = random.Random(4), UnseenShape()
    run(shapes, waves(3000))
    said, new = 0, 0
    for _ in range(40):
        said += sum(shapes.learn(rng.random()) > 0.0 for _ in range(3))  # of which one completes a shape
        new += shapes_that_fitted(shapes) == 0
    assert new > 20
    assert 1 <= said <= 4


def test_it_is_silent_for_its_first_values() -> None:
    rng = random.Random(2)
    assert max(run(UnseenShape(), [rng.random() for _ in range(312)])) == 0.0


def test_a_constant_series_has_one_shape() -> None:
    for level in (0.0, 0.3, 1.0):
        assert max(run(UnseenShape(), [level] * 2000)) == 0.0


def test_a_dump_goes_on_as_if_nothing_had_been_whenever_it_is_taken() -> None:
    rng = random.Random(5)
    parts = [rng.random() for _ in range(1500)]
    for at in (10, 100, 313, 1000):
        through, restored = UnseenShape(), UnseenShape()
        run(through, parts[:at])
        restored.load(through.dump())
        assert run(through, parts[at:]) == run(restored, parts[at:])
        assert restored.dump() == through.dump()


def test_its_state_is_bounded_whatever_it_hears() -> None:
    rng, shapes = random.Random(7), UnseenShape()
    largest = 0
    for i in range(6000):
        shapes.learn(rng.choice([rng.random(), -3.0, 1e300, (i % 90) / 90]))
        largest = max(largest, len(pickle.dumps(shapes))) if i % 50 == 0 else largest
        assert 0.0 <= shapes.lately <= 1.0
    assert largest < 5_500
