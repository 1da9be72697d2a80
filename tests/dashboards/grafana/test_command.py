"""``puente grafana`` as its user runs it: what it says, its exit codes, its files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fake_grafana import TOKEN, serving

SETTINGS = {
    "PUENTE_HISTORY": "influxdb://influx.example:8086/border?org=customs",
    "PUENTE_INFLUX_TOKEN": "a-secret-of-influx",
    "PUENTE_GRAFANA_TOKEN": TOKEN,
}


def puente(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUENTE_")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", "grafana", *arguments],
        capture_output=True,
        text=True,
        env={**kept, **settings},
        timeout=60,
        check=False,
    )


def test_sync_says_what_it_would_do_does_it_and_then_finds_nothing_to_do(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")
    without = {name: value for name, value in SETTINGS.items() if name != "PUENTE_GRAFANA_TOKEN"}
    with serving() as grafana:
        options = ("--url", grafana.url, "--token-file", str(token))
        dry = puente("sync", *options, "--dry-run", "--json", **without)
        assert dry.returncode == 0, dry.stderr
        assert grafana.changes == []
        assert "would be created: folder Puente: us" in dry.stderr
        done = puente("sync", *options, "--json", str(tmp_path / "done.json"), **without)
        assert done.returncode == 0, done.stderr
        again = puente("sync", *options, **without)
        assert grafana.sources["puente-history"]["url"] == "http://influx.example:8086"
        assert grafana.sources["puente-history"]["jsonData"]["dbName"] == "border"
    result = json.loads((tmp_path / "done.json").read_text())
    planned = json.loads(dry.stdout)
    assert (planned["dry_run"], result["dry_run"]) == (True, False)
    assert planned["steps"] == result["steps"]
    assert result["created"] == len(result["steps"])
    assert again.stderr.strip() == f"0 created, 0 updated, {result['created']} unchanged, 0 skipped"
    assert again.stdout == ""
    for ran in (dry, done, again):
        assert TOKEN not in ran.stdout + ran.stderr
        assert "secret" not in ran.stdout + ran.stderr


def test_with_an_sqlite_history_no_data_source_is_made() -> None:
    with serving() as grafana:
        ran = puente("sync", PUENTE_GRAFANA=grafana.url, PUENTE_GRAFANA_TOKEN=TOKEN, PUENTE_HISTORY="sqlite:///h.db")
        assert ran.returncode == 0, ran.stderr
        assert grafana.sources == {}
        assert grafana.dashboards


def test_grafana_may_reach_the_history_by_another_name_and_token() -> None:
    own = {
        "PUENTE_GRAFANA_HISTORY": "influxdbs://inside:8087/border?org=customs",
        "PUENTE_GRAFANA_INFLUX_TOKEN": "reads-only",
    }
    with serving() as grafana:
        assert puente("sync", PUENTE_GRAFANA=grafana.url, **SETTINGS, **own).returncode == 0
        assert grafana.sources["puente-history"]["url"] == "https://inside:8087"


def test_exit_codes_tell_refused_from_missing_from_wrongly_asked() -> None:
    with serving() as grafana:
        grafana.fail = 403
        refused = puente("sync", "--json", PUENTE_GRAFANA=grafana.url, **SETTINGS)
        assert refused.returncode == 1
        assert "the answer of a test" in refused.stderr
        assert "the answer of a test" in json.loads(refused.stdout)["refused"]
    missing = puente("sync", PUENTE_GRAFANA="http://127.0.0.1:9", **SETTINGS)
    assert (missing.returncode, missing.stderr.strip()) == (
        3, "puente: no Grafana answers at http://127.0.0.1:9/api: Connection refused",
    )  # fmt: skip
    assert "Traceback" not in missing.stderr
    unset = puente("sync", **SETTINGS)
    assert (unset.returncode, "PUENTE_GRAFANA" in unset.stderr) == (2, True)
    untold = puente("sync", PUENTE_GRAFANA="http://127.0.0.1:9")
    assert (untold.returncode, "PUENTE_GRAFANA_TOKEN" in untold.stderr) == (2, True)
    wrong = puente("sync", "--url", "grafana.example", **SETTINGS)
    assert (wrong.returncode, "--url: must be an http or https address" in wrong.stderr) == (2, True)


def test_export_writes_files_without_a_secret(tmp_path: Path) -> None:
    ran = puente("export", str(tmp_path / "files"), "--json", PUENTE_LANGUAGES="es", **SETTINGS)
    assert ran.returncode == 0, ran.stderr
    made = json.loads(ran.stdout)["files"]
    texts = {name: (tmp_path / "files" / name).read_text() for name in made}
    assert "boards/us/puente-us-alerts-es.json" in made
    assert not [name for name in made if name.endswith("-en.json")]
    assert "secret" not in "".join(texts.values())
    (source,) = json.loads(texts["datasources/puente.yaml"])["datasources"]
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token $PUENTE_INFLUX_TOKEN"}
    assert source["url"] == "http://influx.example:8086"
    without = puente("export", str(tmp_path / "none"), PUENTE_HISTORY="sqlite:///h.db")
    assert (without.returncode, "PUENTE_HISTORY" in without.stderr) == (2, True)


def test_an_alarm_may_be_left_out_of_the_files_and_one_that_is_none_is_refused(tmp_path: Path) -> None:
    files = tmp_path / "files"
    ran = puente("export", str(files), "--without-alarm", "silent-deliver", "--without-alarm", "lag", **SETTINGS)
    assert ran.returncode == 0, ran.stderr
    alerting = json.loads((files / "alerting" / "puente.yaml").read_text())
    gone = ["puente-line-silent-deliver", "puente-line-lag"]
    assert alerting["deleteRules"] == [{"orgId": 1, "uid": uid} for uid in gone]
    kept = [rule["uid"] for rule in alerting["groups"][0]["rules"]]
    assert kept
    assert not set(kept) & set(gone)
    unknown = puente("export", str(files), "--without-alarm", "quiet", **SETTINGS)
    assert unknown.returncode == 2
    assert "'quiet' is none of" in unknown.stderr
    assert "silent-deliver" in unknown.stderr


def test_what_people_deleted_is_said_and_restore_brings_it_back() -> None:
    with serving() as grafana:
        settings = {"PUENTE_GRAFANA": grafana.url, **SETTINGS}
        assert puente("sync", **settings).returncode == 0
        del grafana.dashboards["puente-us-border-es"]
        said = puente("sync", **settings)
        assert "(deleted by people; --restore brings it back)" in said.stderr
        assert "created: dashboard" in puente("sync", "--restore", **settings).stderr
        assert "puente-us-border-es" in grafana.dashboards
