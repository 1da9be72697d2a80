"""A login of InfluxDB 2 that may read one bucket and nothing else, under a password that we choose: for Grafana.

InfluxDB draws its tokens itself, so one that a container is to have before the first start cannot be made beforehand. A
login of its older API (``influx v1 auth``, https://docs.influxdata.com/influxdb/v2/reference/cli/influx/v1/auth/) can,
and InfluxQL, which is what Grafana asks in, takes it by HTTP's basic authentication.
"""

from __future__ import annotations

from typing import Any, Final

import requests

from deploy.services.errors import ServiceFailedError, ServiceMissingError

READER: Final = "grafana"
_LOGINS: Final = "/private/legacy/authorizations"  # as the influx program itself asks
_TIMEOUT_S: Final = 30.0


def let_read(url: str, org: str, bucket: str, token: str, password: str, name: str = READER) -> bool:
    """Make the login where it is not there, and set its password; whether it was made.

    ``token`` must be allowed to make logins. Raises ServiceMissingError, ServiceFailedError.
    """
    found = _ask(url, token, "GET", "/api/v2/buckets", params={"name": bucket, "org": org}).get("buckets", [])
    if not found:
        raise ServiceFailedError(f"InfluxDB at {url} has no bucket {bucket} of {org}")
    org_id, bucket_id = found[0]["orgID"], found[0]["id"]
    logins = _ask(url, token, "GET", _LOGINS, params={"orgID": org_id}).get("authorizations", [])
    login = next((each for each in logins if each["token"] == name), None)
    made = login is None
    if login is None:
        resource = {"type": "buckets", "id": bucket_id, "orgID": org_id}
        wish = {"orgID": org_id, "token": name, "description": f"{name} reads {bucket}"}
        login = _ask(url, token, "POST", _LOGINS, {**wish, "permissions": [{"action": "read", "resource": resource}]})
    _ask(url, token, "POST", f"{_LOGINS}/{login['id']}/password", {"password": password})
    return made


def _ask(
    url: str, token: str, method: str, path: str, body: Any = None, params: dict[str, str] | None = None
) -> dict[str, Any]:
    try:
        answer = requests.request(
            method,
            url + path,
            json=body,
            params=params,
            headers={"Authorization": f"Token {token}"},
            timeout=_TIMEOUT_S,
        )
    except requests.RequestException as error:
        raise ServiceMissingError(f"no InfluxDB answers at {url}: {type(error).__name__}") from None
    if not answer.ok:
        raise ServiceFailedError(f"InfluxDB at {url} did not take it: HTTP {answer.status_code} {answer.text[:200]}")
    return dict(answer.json()) if answer.content else {}
