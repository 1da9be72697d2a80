"""Where downloads are kept between runs, and scratch folders that are gone after them.

The cache is ``PUENTE_CACHE``, else ``XDG_CACHE_HOME/puente``, else ``~/.cache/puente``; where there is no home that can
be written, a folder of the user's own in the system's temporary directory. Two first runs at once are safe: whoever
comes second waits for the lock and finds the work done.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.services.errors import ServiceError

_OWNED = ".owned"


def cache_dir(chosen: Path | None = None) -> Path:
    """The cache folder, made where it is not there yet. Raises ServiceError."""
    home = os.environ.get("XDG_CACHE_HOME") or (f"{os.environ['HOME']}/.cache" if os.environ.get("HOME") else "")
    wishes = [
        chosen,
        Path(os.environ["PUENTE_CACHE"]).expanduser() if os.environ.get("PUENTE_CACHE") else None,
        Path(home) / "puente" if home else None,
        _own_temporary("puente-cache"),
    ]
    for place in wishes:
        if place is None:
            continue
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if place is chosen:
                why = error.strerror or error
                raise ServiceError(f"{place}: {why}; set PUENTE_CACHE to a folder that you may write") from None
            continue
        if os.access(place, os.W_OK):
            return place
    raise ServiceError("no folder for downloads can be written: set PUENTE_CACHE to one that can")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold this file's lock: one process at a time. Waits for its turn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder for one run, removed afterwards; folders left by runs that were killed are removed too."""
    parent = _own_temporary("puente-run")
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(parent / ".lock"):
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=parent))
        owned = (folder / _OWNED).open("w")
        fcntl.flock(owned, fcntl.LOCK_EX)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        owned.close()


def _sweep(parent: Path) -> None:
    """Remove the folders nobody holds any more. Only under the parent's lock."""
    for folder in parent.iterdir():
        try:
            with (folder / _OWNED).open("a") as owned:
                fcntl.flock(owned, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # in use, or no folder of ours
            continue


def _own_temporary(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
