"""What is wrong with a line of JSON that a strict decoder did not take: slow, exact, and only ever run after it.

The order of reasons is the order of trust: bytes before text, text before structure, structure before values. A line
with several faults is refused for the first in that order, whichever field it is in. The clock is not known here: what
is refused for its name says its time, which admission judges first. May assume that the line is at most 16 KiB.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache
from typing import Any, Final, NoReturn

import msgspec

from contracts.deadletters import Reason
from contracts.identifiers import is_name
from contracts.readings import DEPTH_MAX
from ingest.refusals import Refusal

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]')
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_BOUND = re.compile(r"Expected `(?:int|float|str|array)` ((?:of length )?(?:<=|>=|<|>) \S+)")
_BYTE_ORDER_MARK: Final = "\ufeff"
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
_IN_WORDS = {"int": "an integer", "float": "a number", "str": "a string", "bool": "true or false", "array": "an array"}


# What msgspec raises on bytes it cannot read: text that is not UTF-8 is no DecodeError to it.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


READINGS_WANTED: Final = "Send one whole JSON object, or one a line."


class _BadJsonError(ValueError):
    """The text is no JSON."""


def is_too_deep(line: bytes) -> bool:
    """True where arrays and objects nest deeper than 32 levels. Brackets within strings do not count."""
    if line.count(b"{") + line.count(b"[") <= DEPTH_MAX:  # the usual case, in two passes at memory speed
        return False
    depth = deepest = 0
    for token in _TOKENS.findall(line):
        if token in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token in b"]}":
            depth -= 1
    return deepest > DEPTH_MAX


def is_utf8(line: bytes) -> bool:
    """True where the bytes are UTF-8 text."""
    if line.isascii():
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def text_refusal(line: bytes, wanted: str = READINGS_WANTED) -> Refusal | None:
    """The refusal of what is no UTF-8, no JSON or too deep, in this order; None where it is sound JSON.

    ``wanted`` is a sentence that says what is to be sent in its place.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return Refusal("not_utf8", f"Byte {error.start} is not UTF-8. Send JSON encoded as UTF-8.", line)
    if text.startswith(_BYTE_ORDER_MARK):
        return Refusal("bad_json", "It begins with a byte order mark; send plain UTF-8 without one.", line)
    if not text.strip():
        return Refusal("bad_json", f"Nothing was sent. {wanted}", line)
    try:
        _loads(text)
    except RecursionError:
        # Deeper than Python's own bound: whether it is whole can only be told by counting.
        if line.count(b"[") != line.count(b"]") or line.count(b"{") != line.count(b"}"):
            return Refusal("bad_json", "The JSON ends before it is whole: brackets are left open.", line)
        return _too_deep(line)
    except ValueError as error:
        return Refusal("bad_json", f"This is not JSON: {error}. {wanted}", line)
    return _too_deep(line) if is_too_deep(line) else None


def explain(line: bytes, form: type[msgspec.Struct], own_device: str, wanted: str = READINGS_WANTED) -> Refusal:
    """Why a strict decoder for ``form`` did not take this line, or why it must not.

    ``own_device`` is the device the topic names: only its own readings are named by identity in the refusal.
    ``wanted`` is as in ``text_refusal``.
    """
    refusal = text_refusal(line, wanted)
    if refusal is not None:
        return refusal
    found = _loads(line.decode())
    if not isinstance(found, dict):
        return Refusal("wrong_type", f"This is {_kind(found)}, and must be a JSON object: {{...}}.", line)
    boot_id, seq = identity_in(found, own_device)
    if _is_half_a_pair(line):
        return Refusal("bad_json", f"A \\u escape is half of a surrogate pair. {wanted}", line, boot_id, seq)
    faults = [fault for name, wanted, required in _fields(form) if (fault := _fault(found, name, wanted, required))]
    if not faults:
        # Sound to Python and not to the strict decoder, whose word counts: the stages read with it.
        return Refusal("bad_json", f"This JSON cannot be read: {_complaint(line, form)}.", line, boot_id, seq)
    order: tuple[Reason, ...] = ("wrong_type", "out_of_range", "bad_name")
    reason, sentence = min(faults, key=lambda fault: order.index(fault[0]))
    return Refusal(reason, sentence, line, boot_id, seq, _time_in(found) if reason == "bad_name" else None)


def without_repeated_keys(line: bytes) -> bytes | None:
    """The same JSON with each key once, its last value kept; None where no key repeats, or it is no JSON."""
    repeated = False

    def last_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(pairs)
        repeated = repeated or len(found) < len(pairs)
        return found

    try:
        found = json.loads(line.decode(), parse_constant=_no_constant, parse_int=_integer, object_pairs_hook=last_wins)
    except (ValueError, RecursionError):
        return None
    return json.dumps(found, separators=(",", ":")).encode() if repeated else None


def identity_in(found: dict[str, Any], own_device: str) -> tuple[int, int] | tuple[None, None]:
    """``(boot_id, seq)`` where both can be read and the object is the topic's own device's; else two None."""
    boot_id, seq = found.get("boot_id"), found.get("seq")
    if found.get("device_id") != own_device:
        return None, None
    for number in (boot_id, seq):
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**53:
            return None, None
    return boot_id, seq


def _time_in(found: dict[str, Any]) -> int | None:
    time_ms = found.get("time_ms")
    return time_ms if isinstance(time_ms, int) and not isinstance(time_ms, bool) else None


def _fault(found: dict[str, Any], name: str, wanted: Any, required: bool) -> tuple[Reason, str] | None:
    if name not in found:
        return ("wrong_type", f"{name} is missing, and must be there.") if required else None
    value = found[name]
    if isinstance(value, float) and math.isinf(value):
        return "out_of_range", f"{name} is too large for any number."
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError as error:
        text = str(error)
        types = _EXPECTED.search(text)
        if types is not None:
            wanted_words = " or ".join(_IN_WORDS.get(word, word) for word in types[1].split(" | "))
            return "wrong_type", f"{name} must be {wanted_words}, and is {_kind(value)}."
        if name == "device_id":
            return "bad_name", _name_sentence(name, value)
        bound = _BOUND.search(text)
        if bound is not None:
            return "out_of_range", f"{name} must be {bound[1].rstrip('.')}, and is {_shown(value)}."
        if "enum" in text:
            choices = ", ".join(map(str, _choices(wanted)))
            return "out_of_range", f"{name} must be one of {choices}, and is {_shown(value)}."
        return "out_of_range", f"{name} is {_shown(value)}: {text}."
    if name == "device_id" and not is_name(value):
        return "bad_name", _name_sentence(name, value)
    return None


def _name_sentence(name: str, value: object) -> str:
    return f"{name} must be 1 to 64 of the characters A-Z a-z 0-9 . _ -, and is {_shown(value)}."


def _is_half_a_pair(line: bytes) -> bool:
    """True where Python takes an escape that stands for no character, and the stages' decoder does not."""
    if _HALF_PAIR.search(line) is None:
        return False
    try:
        msgspec.json.decode(line)
    except (msgspec.ValidationError, RecursionError):
        return False  # JSON, with a number that none can hold, or too deep
    except msgspec.DecodeError:
        return True
    return False


def _too_deep(line: bytes) -> Refusal:
    return Refusal("too_deep", f"Arrays and objects nest deeper than {DEPTH_MAX} levels. Send a flat object.", line)


def _loads(text: str) -> Any:
    """The value of a JSON text. Raises ValueError with what is wrong (NaN and Infinity are), or RecursionError."""
    try:
        return json.loads(text, parse_constant=_no_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        wanted = next((said for begins, said in _PLAIN.items() if error.msg.startswith(begins)), error.msg)
        place = f"at character {error.pos + 1}" if error.pos < len(text.rstrip()) else "at its end"
        raise _BadJsonError(f"{place}, {wanted}") from None


# What Python's json says, for people who write no Python.
_PLAIN: Final = {
    "Expecting value": "a value is missing or is none that JSON has",
    "Expecting property name": "a field's name in double quotes is missing",
    "Expecting ':'": "the colon after a field's name is missing",
    "Expecting ','": "a comma or a closing bracket is missing",
    "Illegal trailing comma": "there is a comma too many",
    "Extra data": "something follows what was whole already; several readings go one a line",
    "Unterminated string": "a text begins that has no closing quote",
    "Invalid control character": "a text holds a control character, which must be escaped",
    "Invalid \\": "a text holds a backslash escape that JSON has not",
}


def _no_constant(name: str) -> NoReturn:
    raise _BadJsonError(f"{name} is no JSON number; leave a field out where there is no value")


def _integer(digits: str) -> int | float:
    # Python bounds how many digits it reads as an integer; longer ones are out of every range here.
    return int(digits) if len(digits) < 400 else math.inf


@cache
def _fields(form: type[msgspec.Struct]) -> tuple[tuple[str, Any, bool], ...]:
    return tuple((field.encode_name, field.type, field.required) for field in msgspec.structs.fields(form))


def _choices(wanted: Any) -> tuple[object, ...]:
    info = msgspec.inspect.type_info(wanted)
    members = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    return tuple(c for member in members if isinstance(member, msgspec.inspect.LiteralType) for c in member.values)


def _complaint(line: bytes, form: type[msgspec.Struct]) -> str:
    try:
        msgspec.json.decode(line, type=form)
    except UNREADABLE as error:
        return str(error)
    return "the strict decoder took it the second time"


def _kind(value: object) -> str:
    names = {
        list: "an array",
        dict: "an object",
        str: "a string",
        bool: "a truth value (true or false)",
        type(None): "null",
    }
    return names.get(type(value), "an integer" if isinstance(value, int) else "a fraction")


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
