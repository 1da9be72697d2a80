"""Each way to break a message's readers or writers is told, and what serves them both goes out."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from contracts.catalogue import MESSAGES, Message, Role
from contracts.compatibility import breaks
from contracts.schemas import schema_of

SHIPPED = Message(name="m", form=None, summary="")


def schema(*fields: Any, **options: Any) -> dict[str, Any]:
    """The schema of a message with these fields, as it is published and read back."""
    form = msgspec.defstruct("M", fields, kw_only=True, **options)
    return json.loads(json.dumps(schema_of(Message(name="m", form=form, summary=""))))  # type: ignore[no-any-return]


Inner = msgspec.defstruct("Inner", [("a", int), ("b", int)])
Less = msgspec.defstruct("Inner", [("a", int)])
Truck = msgspec.defstruct("Truck", [("n", int)], tag_field="kind", tag="truck")
Ship = msgspec.defstruct("Ship", [("n", int)], tag_field="kind", tag="ship")
WideShip = msgspec.defstruct("Ship", [("n", int), ("deck", int)], tag_field="kind", tag="ship")
Pair = msgspec.defstruct("Pair", [("a", str), ("b", float)], array_like=True)
Single = msgspec.defstruct("Pair", [("a", str)], array_like=True)

A: Any = ("a", int)

# What changed, before, after, and what is said to those who send it (taken) and to those who read it (told).
CASES: list[tuple[str, list[Any], list[Any], str, str]] = [
    ("a field removed", [A, ("b", int, 0)], [A], "b: was removed", "b: was removed"),
    ("a field that must now be there", [A], [A, ("b", int)], "b: must now be there", "b: must now be there"),
    ("a field that need not be there now", [A], [("a", int, 0)], "", "a: was always there and may be absent"),
    ("a field added", [A], [A, ("b", int, 0)], "", ""),
    ("another type", [A], [("a", str)], "a: may no longer be integer", "a: may now be string"),
    ("a narrower number", [("a", float)], [A], "a: may no longer be number", "a: may no longer be number"),
    ("a wider number", [A], [("a", float)], "", "a: may now be number"),
    ("null no more", [("a", int | None)], [A], "a: may no longer be null", "a: may no longer be null"),
    ("null too", [A], [("a", int | None)], "", "a: may now be null"),
    ("one type of two gone", [("a", int | str)], [A], "a: may no longer be string", "a: may no longer be string"),
    ("a name gone", [("a", Literal["x", "y"])], [("a", Literal["x"])], "a: no longer takes y", "a: no longer takes y"),
    ("a name added", [("a", Literal["x"])], [("a", Literal["x", "y"])], "", ""),
    ("a number among names", [("a", Literal["x"])], [("a", Literal["x", 1])], "", "a: may now be 1"),
    ("null among names", [("a", Literal["x"])], [("a", Literal["x", None])], "", "a: may now be None"),
    ("a number more", [("a", Literal["x", 1])], [("a", Literal["x", 1, 2])], "", ""),
    ("any text, now some names", [("a", str)], [("a", Literal["x"])], "takes x alone", "takes x alone"),
    ("some names, now any text", [("a", Literal["x"])], [("a", str)], "", "a: was one of x and may be string"),
    ("names, now numbers", [("a", Literal["x"])], [A], "a: may no longer be x", "a: may no longer be x"),
    (
        "a least number raised", [("a", Annotated[int, Meta(ge=0)])], [("a", Annotated[int, Meta(ge=5)])],
        "a: minimum was 0 and is 5", "a: minimum was 0 and is 5",
    ),
    (
        "a least number dropped", [("a", Annotated[int, Meta(ge=0)])], [A], "", "a: minimum was 0 and is gone",
    ),
    ("a greatest number set", [A], [("a", Annotated[int, Meta(le=9)])], "was none and is 9", "was none and is 9"),
    (
        "a longer text", [("a", Annotated[str, Meta(max_length=4)])], [("a", Annotated[str, Meta(max_length=9)])],
        "", "a: maxLength was 4 and is 9",
    ),
    (
        "another pattern", [("a", Annotated[str, Meta(pattern="^x")])], [("a", Annotated[str, Meta(pattern="^y")])],
        "a: pattern was '^x' and is '^y'", "a: pattern was '^x' and is '^y'",
    ),
    (
        "fewer items", [("a", list[int])], [("a", Annotated[list[int], Meta(max_length=2)])],
        "a: maxItems was none and is 2", "a: maxItems was none and is 2",
    ),
    ("items of another type", [("a", list[int])], [("a", list[str])], "a[]: may no longer", "a[]: may now be string"),
    ("values of another type", [("a", dict[str, int])], [("a", dict[str, str])], "a.*: may no", "a.*: may now be"),
    ("a field within removed", [("a", Inner)], [("a", Less)], "a.b: was removed", "a.b: was removed"),
    ("a field within an item", [("a", list[Inner])], [("a", list[Less])], "a[].b: was removed", "a[].b: was removed"),
    ("a kind gone", [("a", Truck | Ship)], [("a", Truck)], "a: may no longer be Ship", "a: may no longer be Ship"),
    ("a kind added", [("a", Truck)], [("a", Truck | Ship)], "", "a: may now be Ship"),
    ("a kind that wants more", [("a", Truck | Ship)], [("a", Truck | WideShip)], "a.deck: must now", "a.deck: must"),
    (
        "a bound beside null", [("a", int | None)], [("a", Annotated[int, Meta(ge=5)] | None)],
        "a: minimum was none and is 5", "a: minimum was none and is 5",
    ),
    ("a place gone", [("a", Pair)], [("a", Single)], "a: had 2 places and has 1", "a: had 2 places and has 1"),
    ("another default", [("a", int, 1)], [("a", int, 2)], "a: the default was 1 and is 2", "the default was 1"),
]  # fmt: skip


@pytest.mark.parametrize("role", ["taken", "told"])
@pytest.mark.parametrize(("before", "after", "taken", "told"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_change_is_told_to_whom_it_breaks(
    before: list[Any], after: list[Any], taken: str, told: str, role: Role
) -> None:
    found = "; ".join(breaks(schema(*before), schema(*after), role))
    wanted = taken if role == "taken" else told
    assert (wanted in found) if wanted else not found


def test_refusing_fields_that_it_does_not_know_breaks_who_sends_them() -> None:
    (found,) = breaks(schema(A), schema(A, forbid_unknown_fields=True), "taken")
    assert found == "the message: refuses fields that it does not know"
    assert not breaks(schema(A, forbid_unknown_fields=True), schema(A), "taken")


@pytest.mark.parametrize("message", [m for m in MESSAGES if m.form is not None], ids=lambda m: m.name)
def test_a_message_is_compatible_with_itself(message: Message) -> None:
    published = schema_of(message)
    assert breaks(published, json.loads(json.dumps(published)), message.role) == []


def every_field(published: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Each object of the schema with each of its fields."""
    return [(o, name) for o in published["$defs"].values() for name in o.get("properties", {})]


@pytest.mark.parametrize("message", [m for m in MESSAGES if m.form is not None], ids=lambda m: m.name)
def test_every_field_of_every_message_is_guarded(message: Message) -> None:
    for at in range(len(every_field(schema_of(message)))):
        changed = json.loads(json.dumps(schema_of(message)))
        owner, name = every_field(changed)[at]
        del owner["properties"][name]
        owner["required"] = [field for field in owner.get("required", []) if field != name]
        assert any("was removed" in found for found in breaks(schema_of(message), changed, message.role)), name
