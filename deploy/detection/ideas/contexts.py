"""CAD OSE's idea: what came is not what any context has foretold, and the contexts that held did not come true.

A fact is a bit of the value, told in ``_BITS`` bits, or a context that was just active. A context says that after some
facts (its left side) come others (its right side). Each value makes a context of all that was and all that is; where
that is new, what the known ones and the present have in common become contexts too, so that they grow more general. A
value that was foretold to the bit scores 0; else the score is half the part of contexts whose left side held and that
did not come true, and half the part of contexts that are new. After a score of ``_BASE`` it is silent for ``_REST``
values.

Source: M. Smirnov's Contextual Anomaly Detector (open source edition), of which there is no paper but its published
code; these are our own lines, after its description. There the rest follows from the length of the series, which is
known only once it has ended. Caveat: contexts are never forgotten, so its memory grows with the series.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from deploy.detection.ideas.lone import OneAct

_BITS: Final = 3
_MOST: Final = 2**_BITS - 1
_REST: Final = 120  # values
_BASE: Final = 0.75
_COMMON: Final = 7  # facts of a left side in common, at most, that become one
_ACTIVE: Final = 15  # contexts that are facts of the next value
_FIRST_CONTEXT: Final = 1000  # facts below are bits

Facts = tuple[int, ...]


@dataclass(eq=False, slots=True)
class Side:
    """Facts that stand together on one side of contexts, and which of them hold now; ``whole`` where all do."""

    facts: Facts
    size: int
    held: list[int] = field(default_factory=list)
    whole: bool = False
    contexts: list[Context] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Context:
    """``said``: facts foretold so far, ``came``: how many of them came; ``active``: how often all of them did."""

    number: int
    right: Side
    direct: bool  # made of all that was and all that is
    said: int = 0
    came: int = 0
    active: int = 0


class Sides:
    """All left or all right sides, found by their facts."""

    def __init__(self) -> None:
        self._by_facts: dict[Facts, Side] = {}
        self._by_fact: dict[int, list[Side]] = {}
        self.holding: list[Side] = []

    def of(self, facts: Facts) -> Side:
        side = self._by_facts.get(facts)
        if side is None:
            side = self._by_facts[facts] = Side(facts, len(facts))
            for fact in facts:
                self._by_fact.setdefault(fact, []).append(side)
        return side

    def hold(self, facts: Facts) -> None:
        """These facts hold now, and no others."""
        for side in self.holding:
            side.held, side.whole = [], False
        self.holding = []
        for fact in facts:
            for side in self._by_fact.get(fact, ()):
                if not side.held:
                    self.holding.append(side)
                side.held.append(fact)
                side.whole = len(side.held) == side.size


class Contexts:
    """What is known, and what of it is foretold."""

    def __init__(self) -> None:
        self._left, self._right = Sides(), Sides()
        self._known: dict[tuple[Facts, Facts], Context] = {}
        self._before: Facts = ()
        self._foretold: frozenset[int] = frozenset()

    def surprise(self, facts: Facts) -> float:
        """How strange these facts are now, 0 to 1; they are learnt."""
        foretold = self._foretold.issuperset(facts)
        new = self._add(self._before, facts, True) if self._before else None
        self._right.hold(facts)
        selected, active, common = self._compare(new)
        added = sum(self._add(left, right, False) is not None for left, right in common)
        most_active = sorted(active, key=lambda one: (one.active, one.number))[-_ACTIVE:]
        self._before = tuple(sorted({*facts, *(_FIRST_CONTEXT + one.number for one in most_active)}))
        self._left.hold(self._before)
        self._foretold = self._foretell()
        if foretold:
            return 0.0
        part_new = (1 + added) / (1 + len(common)) if new is not None else 0.0
        return (1.0 - (len(active) / selected if selected else 0.0) + part_new) / 2.0

    def _add(self, left: Facts, right: Facts, direct: bool) -> Context | None:
        """The context, if it was not known."""
        known = self._known.get((left, right))
        if known is not None:
            known.direct = known.direct or direct
            return None
        made = self._known[left, right] = Context(len(self._known), self._right.of(right), direct)
        self._left.of(left).contexts.append(made)
        return made

    def _compare(self, new: Context | None) -> tuple[int, list[Context], list[tuple[Facts, Facts]]]:
        """How many contexts' left sides held, which of them came true, and what others have in common with the new."""
        selected, active = 0, []
        common: dict[tuple[Facts, Facts], None] = {}
        for side in self._left.holding:
            sharing = new is not None and len(side.held) <= _COMMON
            if not (side.whole or sharing):
                continue
            for one in side.contexts:
                held = one.right.held
                if one is new:
                    continue
                if side.whole:
                    selected += 1
                    one.said += one.right.size
                    one.came += len(held)
                    if one.right.whole:
                        one.active += 1
                        active.append(one)
                        continue
                if sharing and one.direct and held:
                    common[tuple(side.held), tuple(held)] = None
        return selected, active, list(common)

    def _foretell(self) -> frozenset[int]:
        """The facts that the contexts foretell that were right the most often of those whose left side holds."""
        best, told = 0.0, []
        for side in self._left.holding:
            if side.whole:
                for one in side.contexts:
                    right = one.came / one.said if one.said else 0.0
                    if right > best:
                        best, told = right, [one]
                    elif right == best:
                        told.append(one)
        return frozenset(fact for one in told for fact in one.right.facts)


class ContextualAnomaly(OneAct):
    """Keeps its contexts, and the last scores."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self._contexts = Contexts()
        self._recent: deque[float] = deque([1.0], maxlen=_REST)

    def judge(self, part: float) -> float:
        level = min(max(int(part * _MOST), 0), _MOST)
        surprise = self._contexts.surprise(tuple(2 * bit + (level >> bit & 1) for bit in range(_BITS)))
        rests = max(self._recent) >= _BASE
        self._recent.append(surprise)
        return 0.0 if rests else surprise
