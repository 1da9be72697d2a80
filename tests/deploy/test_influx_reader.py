"""Grafana's login at InfluxDB reads the history and can do nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from deploy.services.errors import ServiceFailedError, ServiceMissingError
from deploy.services.influx import LocalInflux
from deploy.services.influx_reader import READER, let_read

PASSWORD = "0123456789abcdef"


@pytest.mark.influx
def test_it_reads_and_neither_writes_nor_looks_about_and_its_password_can_be_set_anew(
    influx_factory: Callable[[], LocalInflux],
) -> None:
    influx = influx_factory()
    own = {"Authorization": f"Token {influx.token}"}
    written = {"bucket": influx.bucket, "org": influx.org}

    def ask(password: str) -> requests.Response:
        query = {"db": influx.bucket, "q": "SELECT * FROM m"}
        return requests.post(f"{influx.url}/query", params=query, auth=(READER, password), timeout=30)

    assert requests.post(
        f"{influx.url}/api/v2/write", params=written, data="m c=1", headers=own, timeout=30
    ).ok  # the control: the sink's token may
    assert let_read(influx.url, influx.org, influx.bucket, influx.token, PASSWORD)
    assert ask(PASSWORD).json()["results"][0]["series"][0]["name"] == "m"
    login = (READER, PASSWORD)
    old = requests.post(f"{influx.url}/write", params={"db": influx.bucket}, data="m c=2", auth=login, timeout=30)
    new = requests.post(f"{influx.url}/api/v2/write", params=written, data="m c=2", auth=login, timeout=30)
    looked = requests.get(f"{influx.url}/api/v2/authorizations", auth=login, timeout=30)
    assert (old.status_code, new.status_code, looked.status_code) == (403, 401, 401)

    assert not let_read(influx.url, influx.org, influx.bucket, influx.token, PASSWORD + "new")
    assert (ask(PASSWORD).status_code, ask(PASSWORD + "new").status_code) == (401, 200)
    with pytest.raises(ServiceFailedError, match=r"bucket .*other"):
        let_read(influx.url, influx.org, "other", influx.token, PASSWORD)
    with pytest.raises(ServiceFailedError, match="HTTP 401"):
        let_read(influx.url, influx.org, influx.bucket, "wrong", PASSWORD)


def test_an_influxdb_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(ServiceMissingError, match="no InfluxDB answers"):
        let_read("http://127.0.0.1:1", "puente", "puente", "token", PASSWORD)
