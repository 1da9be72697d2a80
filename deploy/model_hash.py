"""What a version of a model is, as one hash: its settings, the source of what makes its scores, and River's version.

A version keeps its name where a release changes its code; its hash does not stay. Sources are hashed as they are, lines
ended by a line feed: a changed comment is another content too, which costs a comparison and can never hide a change.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from importlib.metadata import version
from pathlib import Path
from typing import Final

from detectors.model_versions import ModelVersion

_PACKAGE: Final = "detectors"


def sha256_of(model: ModelVersion) -> str:
    """64 hexadecimal digits. The same on every machine that has this release and this River."""
    about = {
        "model": model.name,
        "made_by": f"{model.make.__module__}.{model.make.__qualname__}",
        "settings": dict(model.settings),
        "river": version("river"),
        "sources": {name: hashlib.sha256(source).hexdigest() for name, source in sources(model).items()},
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def sources(model: ModelVersion) -> dict[str, bytes]:
    """By module, the source of what makes this model and of all detectors that it imports, and they."""
    found: dict[str, bytes] = {}
    waiting = [model.make.__module__]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        source = _source(name)
        if source is not None:
            found[name] = source
            waiting += _imported(source)
    return found


def _source(name: str) -> bytes | None:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None  # a name in a module, which is hashed as a whole
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).read_bytes().replace(b"\r\n", b"\n")


def _imported(source: bytes) -> list[str]:
    """Detectors' modules that are imported here, and names that may be some."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.startswith(f"{_PACKAGE}.")]
