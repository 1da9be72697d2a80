"""The shape of the last stretch is like none before: a second opinion that knows neither hour nor level of old.

A fuzzy ART network keeps shapes (``detectors.shape_samples``). The first ``_LEARNT`` are learnt all at once, and say
how vigilant it is; later its vigilance falls by what it missed and rises while all fits. A shape that fits no category
is worth saying; soon after another, or after its vigilance has changed, only where it fits far worse than what was said
last. What was said fades, a tenth a value.

Source: M. Hampton's ARTime (2021), of which there is no paper but its published code; these are our own lines, after
its description. Its constants were found by its author on a whole benchmark, none of them here. Caveats: silent for its
first 312 values; 96 categories are all that it remembers; what is strange teaches it like all else.
"""

from __future__ import annotations

from array import array
from typing import Any, Final

from detectors.fuzzy_art import Fit, FuzzyArt
from detectors.shape_samples import FEATURES, WINDOW, ShapeSamples, features
from detectors.week_profile import from_little, little

_CATEGORIES: Final = 96
_LEARNT: Final = 104  # samples before anything is said
_HALF: Final = _LEARNT // 2
_MASK: Final = 12  # samples
_FADING: Final = 0.9  # a value
_FORGOTTEN: Final = 0.001
_FIRST_VIGILANCE: Final = 0.8
_MOST_VIGILANCE: Final = 0.97
_RISE: Final = 0.19  # of the room there is
_LEAST_FALL: Final = 0.01
_MISS: Final = (0.05, 0.37)  # what is one, and the most of it that counts


class _Vigilance:
    """How well a shape has to fit, by how well shapes have fitted so far."""

    __slots__ = ("_count", "_fits", "_said", "_said_count", "_said_sum", "_sum")

    def __init__(self) -> None:
        self._fits = array("f")  # the last ones
        self._sum, self._count = 0.0, 0
        self._said, self._said_sum, self._said_count = 0.0, 0.0, 0

    def hear(self, fit: float, near: bool) -> None:
        """How well the next shape fitted; ``near``: soon after one that was said, whose worst fit is its fit."""
        self._fits.append(fit)
        del self._fits[: -_LEARNT - 1]
        self._sum += fit
        self._count += 1
        if near and self._said_count and fit < self._said:
            self._said_sum += fit - self._said
            self._said = fit

    def say(self, fit: float) -> None:
        self._said, self._said_sum, self._said_count = fit, self._said_sum + fit, self._said_count + 1

    def adapt(self, art: FuzzyArt) -> None:
        """Set the network's vigilances from now on."""
        least, before = min(self._fits[-_HALF - 1 :]), art.lower
        if before <= least:
            lower = before + _RISE * (least - before)
        else:
            misses = [min(art.upper - fit, _MISS[1]) for fit in self._fits if art.upper - fit > _MISS[0]]
            fall = sum(misses) / len(misses) if misses and self._count > 2 * _LEARNT else 0.0
            lower = before - max(fall, _LEAST_FALL) / 2.0
            if self._said_count:
                lower = max(lower, self._said_sum / self._said_count)
        art.upper = min(self._sum / self._count, _MOST_VIGILANCE)
        art.lower = min(lower, art.upper)

    def dump(self) -> list[Any]:
        return [little(self._fits), self._sum, self._count, self._said, self._said_sum, self._said_count]

    def load(self, dumped: list[Any]) -> None:
        fits, self._sum, self._count, self._said, self._said_sum, self._said_count = dumped
        self._fits = from_little(fits)


class UnseenShape:
    """One series' shapes. ``lately``: how unlike all before the shape of what was heard is, 0 to 1, fading."""

    __slots__ = (
        *("_adapted_at", "_art", "_count", "_fitting", "_newest", "_said_at", "_said_fit", "_samples", "_unsettled"),
        *("_vigilance", "lately"),
    )

    def __init__(self) -> None:
        self.lately = 0.0
        self._samples, self._vigilance = ShapeSamples(), _Vigilance()
        self._art = FuzzyArt(FEATURES, _CATEGORIES, _FIRST_VIGILANCE)
        self._newest = bytearray()  # samples: the first ones until they are learnt, then the last seven
        self._count = self._fitting = self._said_at = self._adapted_at = 0
        self._said_fit, self._unsettled = 0.0, False

    def learn(self, part: float) -> float:
        """Take the next value in, in parts of the range; what is to be said of the shape that it completes, 0 to 1."""
        sample = self._samples.add(part)
        self.lately = self.lately * _FADING if self.lately > _FORGOTTEN else 0.0
        if sample is None:
            return 0.0
        self._newest.append(sample)
        self._count += 1
        if self._count < _LEARNT:
            return 0.0
        said = 0.0
        if self._count == _LEARNT:
            self._begin()
        else:
            said = self._hear(features(self._newest), self._count)
            self.lately = min(self.lately + said, 1.0)
        del self._newest[: 1 - WINDOW]
        return said

    def _begin(self) -> None:
        """Learn the first shapes: once to see how well the later half of them fits, then anew, as vigilant as that."""
        shapes = [features(self._newest[end - WINDOW : end]) for end in range(WINDOW, _LEARNT + 1)]
        fits = [self._art.learn(shape).whole for shape in shapes]
        later = fits[_HALF - 1 :]
        self._art = FuzzyArt(FEATURES, _CATEGORIES, sum(later) / len(later))
        for end, shape in enumerate(shapes, WINDOW):
            self._hear(shape, end)

    def _hear(self, shape: bytes, at: int) -> float:
        """Learn the shape that ends with the sample of this number; what is to be said of it, 0 to 1."""
        art, lower, upper = self._art, self._art.lower, self._art.upper
        said_for = at - self._said_at
        if at > _LEARNT + _MASK and self._fitting >= _MASK:
            self._unsettled = False
        fit = art.learn(shape)
        self._fitting = 0 if fit.new else self._fitting + 1
        self._vigilance.hear(fit.whole, said_for < _MASK)
        said = 0.0
        if at > _LEARNT and fit.new and self._worth_saying(fit, said_for):
            said = _sureness(fit, lower, upper)
            self._vigilance.say(fit.whole)
            self._said_fit, self._said_at = fit.whole, at
        self._unsettled = self._unsettled or fit.new
        if at > _LEARNT and (said_for == _MASK or at - self._adapted_at >= _HALF):
            self._vigilance.adapt(art)
            self._adapted_at, self._unsettled = at, True
        return said

    def _worth_saying(self, fit: Fit, said_for: int) -> bool:
        if said_for <= _MASK:
            return fit.whole < 0.9 * self._said_fit
        return not self._unsettled or fit.whole < 0.7 * self._said_fit

    def dump(self) -> list[Any]:
        """The state as plain numbers and bytes."""
        return [
            [self.lately, self._count, self._fitting, self._said_at, self._adapted_at, self._said_fit, self._unsettled],
            bytes(self._newest),
            self._samples.dump(),
            self._vigilance.dump(),
            self._art.dump(),
        ]

    def load(self, dumped: list[Any]) -> None:
        """``dump`` back."""
        numbers, newest, samples, vigilance, art = dumped
        self.lately, self._count, self._fitting, self._said_at, self._adapted_at, self._said_fit, unsettled = numbers
        self._unsettled, self._newest = bool(unsettled), bytearray(newest)
        self._samples.load(samples)
        self._vigilance.load(vigilance)
        self._art.load(art)


def _sureness(fit: Fit, lower: float, upper: float) -> float:
    """How far below what vigilance asks the fit is, and how badly the newest value fits."""
    whole = min(fit.whole, 0.999)
    below = (0.35 * (upper - whole) + 0.65 * (lower - whole)) / (1.0 - whole)
    return min(max(below + 1.5 * (1.0 - fit.newest), 0.0), 1.0)
