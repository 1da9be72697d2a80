"""Whether a changed JSON Schema still serves those who hold to the old one. Pure; for schemas that msgspec makes.

What others write and we read must stay readable: all that the old schema allowed, the new one allows. What we write and
others read must stay so too, for it lies in topics, and beyond that must hold no value that a reader of the old schema
would refuse. Open on purpose are two things: a new field, and a new name in an enumeration of what is told (an event, a
reason), which readers pass over; a value of another type than those before is no name, and they would trip over it.
jsoncompat and jsonsubschema do the same in general; the one calls itself unfinished,
the other was last released in 2023, and neither says what happened in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from contracts.catalogue import Role

Schema = dict[str, Any]

_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_KINDS: Final = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


def breaks(old: Schema, new: Schema, role: Role) -> list[str]:
    """What of the change breaks a reader or writer of the old schema, a sentence each; none where it may go out."""
    found = list(_Look(old, new, reading=False).differences())
    if role == "told":
        # The same question the other way round: would the old reader take what the new schema allows?
        found += _Look(new, old, reading=True).differences()
    return sorted(set(found))


@dataclass(slots=True)
class _Look:
    """Everything that ``had`` allows and ``has`` refuses. ``reading``: ``has`` is the old schema, held by a reader."""

    had: Schema
    has: Schema
    reading: bool

    def differences(self) -> Iterator[str]:
        yield from self._within(self.had, self.has, "", ())

    def _within(self, had: Schema, has: Schema, at: str, seen: tuple[tuple[str, str], ...]) -> Iterator[str]:
        refs = had.get("$ref", ""), has.get("$ref", "")
        if refs[0] and refs in seen:
            return  # a type that holds itself: looked at already
        seen = (*seen, refs) if refs[0] else seen
        if "default" in had and "default" in has and had["default"] != has["default"] and not self.reading:
            yield f"{_place(at)}: the default was {had['default']!r} and is {has['default']!r}"
        given, wanted = list(_alternatives(had, self.had)), list(_alternatives(has, self.has))
        for one in given:
            tries = [list(self._one(one, each, at, seen)) for each in _likest(one, given, wanted)]
            yield from min(tries, key=len, default=[self._no_longer(at, _named(one))])

    def _no_longer(self, at: str, what: str) -> str:
        return f"{_place(at)}: may now be {what}" if self.reading else f"{_place(at)}: may no longer be {what}"

    def _one(self, had: Schema, has: Schema, at: str, seen: tuple[tuple[str, str], ...]) -> Iterator[str]:
        if "enum" in had or "enum" in has:
            yield from self._enum(had, has, at)
            return
        kinds = had.get("type"), has.get("type")
        if kinds[1] is not None and kinds[0] != kinds[1] and kinds != ("integer", "number"):
            yield self._no_longer(at, _named(had))
            return
        yield from self._bounds(had, has, at)
        if kinds[1] == "array":
            yield from self._array(had, has, at, seen)
        elif kinds[1] == "object":
            yield from self._object(had, has, at, seen)

    def _enum(self, had: Schema, has: Schema, at: str) -> Iterator[str]:
        if "enum" not in had:
            if not self.reading:
                yield f"{_place(at)}: was {_named(had)} and takes {_listed(has['enum'])} alone"
            else:
                yield f"{_place(at)}: was one of {_listed(has['enum'])} and may be {_named(had)}"
        elif "enum" in has:
            gone = [value for value in had["enum"] if value not in has["enum"]]
            if gone and not self.reading:
                yield f"{_place(at)}: no longer takes {_listed(gone)}"
            kinds = {_KINDS[type(value)] for value in has["enum"]}
            strange = [value for value in gone if not _kin(_KINDS[type(value)], kinds)]
            if strange and self.reading:
                yield self._no_longer(at, _listed(strange))
        elif has.get("type") is not None:
            wrong = [v for v in had["enum"] if _KINDS[type(v)] != has["type"]]
            if wrong:
                yield self._no_longer(at, _listed(wrong))

    def _bounds(self, had: Schema, has: Schema, at: str) -> Iterator[str]:
        for name in (*_LEAST, *_MOST):
            before, after = had.get(name), has.get(name)
            if after is None:
                continue
            tighter = before is None or (after > before if name in _LEAST else after < before)
            if tighter and self.reading:
                yield f"{_place(at)}: {name} was {after} and is {'gone' if before is None else before}"
            elif tighter:
                yield f"{_place(at)}: {name} was {'none' if before is None else before} and is {after}"
        for name in ("pattern", "format", "multipleOf", "uniqueItems", "const"):
            if name in has and had.get(name) != has[name]:
                first, last = (has[name], had.get(name)) if self.reading else (had.get(name), has[name])
                yield f"{_place(at)}: {name} was {first!r} and is {last!r}"

    def _array(self, had: Schema, has: Schema, at: str, seen: tuple[tuple[str, str], ...]) -> Iterator[str]:
        before, after = had.get("prefixItems", []), has.get("prefixItems", [])
        for i, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from self._within(one, other, f"{at}[{i}]", seen)
        if len(after) < len(before) and not self.reading:
            yield f"{_place(at)}: had {len(before)} places and has {len(after)}"
        items, wanted = had.get("items"), has.get("items")
        if isinstance(wanted, dict) and isinstance(items, dict):
            yield from self._within(items, wanted, f"{at}[]", seen)
        elif isinstance(wanted, dict) and items is None and not before:
            yield f"{_place(at)}: its items were anything and are bound"

    def _object(self, had: Schema, has: Schema, at: str, seen: tuple[tuple[str, str], ...]) -> Iterator[str]:
        before, after = had.get("properties", {}), has.get("properties", {})
        for name in has.get("required", []):
            if name not in had.get("required", []):
                here = _join(at, name)
                yield f"{here}: was always there and may be absent" if self.reading else f"{here}: must now be there"
        for name, one in before.items():
            if name in after:
                yield from self._within(one, after[name], _join(at, name), seen)
            elif not self.reading:
                yield f"{_join(at, name)}: was removed"
        values, wanted = had.get("additionalProperties", True), has.get("additionalProperties", True)
        if self.reading and before:
            return  # a reader passes over a field that it does not know
        if isinstance(values, dict) and isinstance(wanted, dict):
            yield from self._within(values, wanted, f"{at}.*".lstrip("."), seen)
        elif values is not False and wanted is False:
            yield f"{_place(at)}: refuses fields that it does not know"
        elif values is True and isinstance(wanted, dict):
            yield f"{_place(at)}: its other fields were anything and are bound"


def _alternatives(schema: Schema, whole: Schema) -> Iterator[Schema]:
    """What a schema allows, one by one, references followed."""
    if "$ref" in schema:
        found = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        yield from _alternatives(found, whole)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _alternatives(each, whole)
    else:
        yield schema


def _likest(one: Schema, given: list[Schema], wanted: list[Schema]) -> list[Schema]:
    """Those that this alternative may have become: of its type; of several objects, the one of its name."""
    same = [w for w in wanted if w.get("type") == one.get("type")]
    if one.get("type") == "object" and max(len(same), sum(g.get("type") == "object" for g in given)) > 1:
        return [w for w in same if w.get("title") == one.get("title")]
    return same or wanted


def _kin(kind: str, kinds: set[str]) -> bool:
    """Whether one who reads values of these types reads one of this type too; an integer is a number."""
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _named(schema: Schema) -> str:
    if "enum" in schema:
        return _listed(schema["enum"])
    kind = str(schema.get("type", "anything"))
    return f"{schema['title']}" if kind == "object" and "title" in schema else kind


def _listed(values: list[Any]) -> str:
    return ", ".join(map(str, values))


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _place(at: str) -> str:
    return at or "the message"
