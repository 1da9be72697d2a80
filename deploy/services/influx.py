"""A real InfluxDB 2 on this machine, where there is an ``influxd``: a setting names it, or the PATH or cache has it.

It is set up with an organisation, a bucket and a token made anew. No registry has its server for every system: where
none is found the history is the embedded one, and ``influxd/build`` makes one from its public source.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

from deploy.services.cache import cache_dir
from deploy.services.errors import ServiceFailedError, ServiceMissingError
from deploy.services.local_server import LocalServer
from deploy.services.processes import HISTORY_NICENESS, Child

INFLUXD_VERSION: Final = "2.9.1"
ORG: Final = "puente"
BUCKET: Final = "puente"
# Go's defaults look for garbage whenever the heap has doubled: with a series for each device that took a third of
# InfluxDB's processor time. A heap four times as large, below a gigabyte, is what that is worth.
_GARBAGE: Final = {"GOGC": "300", "GOMEMLIMIT": "1GiB"}


def influxd_program(chosen: Path | None = None, cache: Path | None = None) -> Path | None:
    """The influxd that a setting names, the PATH has, or the cache holds; None where there is none.

    Raises ServiceMissingError where a setting names one that is not there.
    """
    if chosen is None and os.environ.get("PUENTE_INFLUXD"):
        chosen = Path(os.environ["PUENTE_INFLUXD"]).expanduser()
    if chosen is not None:
        if not os.access(chosen, os.X_OK) or chosen.is_dir():
            raise ServiceMissingError(f"PUENTE_INFLUXD names {chosen}, which is no program")
        return chosen
    if found := shutil.which("influxd"):
        return Path(found)
    cached = cache_dir(cache) / f"influxd-{INFLUXD_VERSION}"
    return cached if os.access(cached, os.X_OK) else None


class LocalInflux(LocalServer):
    """One InfluxDB. ``with LocalInflux() as influx: influx.url, influx.org, influx.bucket, influx.token``.

    ``data`` names a folder that outlives it; the token then lies beside the data, readable by its owner alone.
    """

    label = "InfluxDB"
    scratch_name = "influx"
    start_s = 60.0

    def __init__(self, program: Path | None = None, data: Path | None = None, cache: Path | None = None) -> None:
        super().__init__(data)
        self.org = ORG
        self.bucket = BUCKET
        self.token = ""
        self._program = program
        self._cache = cache

    @property
    def url(self) -> str:
        """``http://host:port``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_file(self) -> Path:
        """The file that holds the token, readable by its owner alone."""
        return self._folder / "token"

    def _launch(self) -> Child:
        program = influxd_program(self._program, self._cache)
        if program is None:
            raise ServiceMissingError(
                "no influxd was found: install InfluxDB 2, name one in PUENTE_INFLUXD, "
                "or build it with deploy/services/influxd/build"
            )
        command = [
            str(program),
            f"--bolt-path={self._folder / 'influxd.bolt'}",
            f"--engine-path={self._folder / 'engine'}",
            f"--sqlite-path={self._folder / 'influxd.sqlite'}",
            f"--http-bind-address=127.0.0.1:{self.port}",
            "--reporting-disabled",
            "--log-level=warn",
        ]
        # INFLUXD_* variables of the user's own server would override what is asked for here.
        env = _GARBAGE | {key: value for key, value in os.environ.items() if not key.startswith("INFLUXD_")}
        log = self._folder / "influxd.log"
        return Child("influxd", command, log=log, env=env, cwd=self._folder, niceness=HISTORY_NICENESS)

    def _answers(self) -> bool:
        try:
            return bool(_ask(f"{self.url}/health").get("status") == "pass")
        except (OSError, ValueError):
            return False

    def _set_up(self) -> None:
        if self.token_file.exists():
            self.token = self.token_file.read_text().strip()
            return
        token = secrets.token_urlsafe(32)
        wish = {
            "username": "puente",
            "password": secrets.token_urlsafe(18),
            "org": self.org,
            "bucket": self.bucket,
            "token": token,
            "retentionPeriodSeconds": 0,
        }
        try:
            _ask(f"{self.url}/api/v2/setup", wish)
        except (OSError, ValueError) as error:
            raise ServiceFailedError(f"InfluxDB at {self.url} could not be set up: {error}") from error
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(token)
        self.token = token


def _ask(url: str, body: dict[str, object] | None = None) -> dict[str, object]:
    """The JSON object that an address of our own machine answers. Raises OSError or ValueError."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    # No proxy stands between us and 127.0.0.1, whatever the environment says.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30.0) as answer:
        found = json.load(answer)
    if not isinstance(found, dict):
        raise ValueError(f"{url} answered {type(found).__name__}, not an object")
    return found
