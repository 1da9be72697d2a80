"""What a version of a model is, as one hash: settings, the source of what makes its scores, versions of libraries.

A version keeps its name where a release changes its code; its hash does not stay. Hashed are the module that makes it,
all detectors that it imports, and what holds it in the line, which says what it is given and when it learns: of a
sensor the stage too, for there what is told of, or lies under a bridge's notice, is not learnt. Not the sentences of a
rule's card, nor the table of versions: they make no score. The rest is hashed as it is, lines ended by a line feed: a
changed comment is another content too, which costs a comparison and can never hide a change.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.util
import json
from collections.abc import Mapping
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

from contracts import journeys, sensors
from detectors import model_versions, rule
from detectors.model_versions import JOURNEY, SENSOR, ModelVersion
from streams import journey_models, sensor_models, sensor_stage

LIBRARIES: Final = ("river", "numpy")
_PACKAGE: Final = "detectors"
_HELD_BY: Final[Mapping[str, tuple[str, ...]]] = {  # and what it is given there
    JOURNEY.rule: (journey_models.__name__, journeys.__name__),
    SENSOR.rule: (sensor_models.__name__, sensor_stage.__name__, sensors.__name__),
}
_NO_PART: Final = frozenset({model_versions.__name__, rule.__name__})
_SENTENCES: Final = frozenset({"opened", "closed"})  # of a RuleCard


def sha256_of(model: ModelVersion) -> str:
    """64 hexadecimal digits. The same on every machine that has this release and these libraries."""
    return _sha256({"content": content_of(model), **{name: version(name) for name in LIBRARIES}})


def content_of(model: ModelVersion) -> str:
    """Likewise of the release alone, whichever libraries it runs with."""
    about = {
        "model": model.name,
        "made_by": f"{model.make.__module__}.{model.make.__qualname__}",
        "settings": dict(model.settings),
        "goes_on_from": sorted(model.goes_on_from),
        "sources": {name: hashlib.sha256(source).hexdigest() for name, source in sources(model).items()},
    }
    return _sha256(about)


def _sha256(about: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def sources(model: ModelVersion) -> dict[str, bytes]:
    """By module, the source of what makes this model and holds it, and of all detectors that these import, and they."""
    found: dict[str, bytes] = {}
    waiting = [model.make.__module__, *_HELD_BY[model.rule]]
    while waiting:
        name = waiting.pop()
        if name in found or name in _NO_PART:
            continue
        source = _source(name)
        if source is not None:
            tree = _tree(source)
            found[name] = _without_sentences(source, tree)
            waiting += _imported(tree)
    return found


def _source(name: str) -> bytes | None:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None  # a name in a module, which is hashed as a whole
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).read_bytes().replace(b"\r\n", b"\n")


def _tree(source: bytes) -> ast.Module:
    """Its syntax, with nothing collected meanwhile.

    What a finaliser logs may be a traceback, whose marks are found by parsing too; CPython 3.11 then ends the outer one
    in a SystemError (its issue 106905).
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        if collecting:
            gc.enable()


def _imported(tree: ast.Module) -> list[str]:
    """Detectors' modules that are imported here, and names that may be some."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.startswith(f"{_PACKAGE}.")]


def _without_sentences(source: bytes, tree: ast.Module) -> bytes:
    """Cut out by their places, for a tree's dump differs between versions of Python."""
    starts = [0, *accumulate(len(line) + 1 for line in source.split(b"\n"))]
    cards = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    said = [k.value for card in cards if _is_card(card.func) for k in card.keywords if k.arg in _SENTENCES]
    for value in sorted(said, key=lambda value: -value.lineno):
        begin = starts[value.lineno - 1] + value.col_offset
        end = starts[(value.end_lineno or value.lineno) - 1] + (value.end_col_offset or 0)
        source = source[:begin] + source[end:]
    return source


def _is_card(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id == rule.RuleCard.__name__
