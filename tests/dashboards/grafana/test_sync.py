"""The sync: repeatable, tells what it did, changes nothing that people made. Against a fake that objects by schema."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fake_grafana import TOKEN, FakeGrafana, serving

from dashboards.grafana import alarms
from dashboards.grafana.catalog import Everything, Source, everything
from dashboards.grafana.sync import Account, GrafanaRefusedError, GrafanaUnreachableError, Sync, connect

EVERYTHING = everything(("us", "mx", "joint"))
SOURCE = Source("http://influxdb:8086", "puente", "a-secret")
# The data source, three folders with their permissions, three teams, dashboards, alarms.
THINGS = 1 + 3 + 3 + 3 + len(EVERYTHING.dashboards) + len(EVERYTHING.rules)


@pytest.fixture
def grafana() -> Iterator[FakeGrafana]:
    with serving() as server:
        yield server


def sync(
    grafana: FakeGrafana, wanted: Everything = EVERYTHING, source: Source | None = SOURCE, **options: bool
) -> Account:
    return Sync(connect(grafana.url, TOKEN), **options).run(wanted, source)


def outcomes(account: Account, outcome: str) -> list[tuple[str, str]]:
    return [(step.kind, step.name) for step in account.steps if step.outcome == outcome]


def test_an_empty_grafana_gets_everything_and_a_second_run_changes_nothing(grafana: FakeGrafana) -> None:
    assert sync(grafana).counts() == {"created": THINGS, "updated": 0, "unchanged": 0, "skipped": 0}
    assert set(grafana.dashboards) == {d["uid"] for _, d in EVERYTHING.dashboards}
    assert set(grafana.rules) == {r["uid"] for r in EVERYTHING.rules}
    changes = len(grafana.changes)
    assert sync(grafana).counts() == {"created": 0, "updated": 0, "unchanged": THINGS, "skipped": 0}
    assert len(grafana.changes) == changes


def test_an_agency_sees_its_own_folder_and_the_joint_one_and_nobody_else_does(grafana: FakeGrafana) -> None:
    sync(grafana)
    teams = {team["id"]: team["name"] for team in grafana.teams}
    seen = {
        uid: sorted((teams[i["teamId"]], i["permission"]) if "teamId" in i else ("?", 0) for i in items)
        for uid, items in grafana.permissions.items()
    }
    assert seen == {
        "puente-joint": [("Puente joint", 1), ("Puente mx", 1), ("Puente us", 1)],
        "puente-us": [("Puente us", 1)],
        "puente-mx": [("Puente mx", 1)],
    }


def test_a_dry_run_says_the_same_and_does_nothing(grafana: FakeGrafana) -> None:
    told = sync(grafana, dry_run=True)
    assert grafana.changes == []
    assert [(s.kind, s.name, s.outcome) for s in told.steps] == [
        (s.kind, s.name, s.outcome) for s in sync(grafana).steps
    ]


def test_a_dashboard_that_people_changed_is_said_and_left_and_force_takes_it_back(grafana: FakeGrafana) -> None:
    sync(grafana)
    held = grafana.dashboards["puente-us-alerts-es"]["dashboard"]
    held["title"], held["version"] = "Mis alertas", held["version"] + 1
    told = sync(grafana)
    assert outcomes(told, "skipped") == [("dashboard", "Alertas: ¿qué está mal ahora y por qué?")]
    assert "changed by people" in next(step.why for step in told.steps if step.outcome == "skipped")
    assert grafana.dashboards["puente-us-alerts-es"]["dashboard"]["title"] == "Mis alertas"
    assert len(outcomes(sync(grafana, force=True), "updated")) == 1
    assert grafana.dashboards["puente-us-alerts-es"]["dashboard"]["title"].startswith("Alertas:")
    assert sync(grafana).counts()["unchanged"] == THINGS


def test_a_dashboard_of_an_earlier_release_that_nobody_touched_is_updated(grafana: FakeGrafana) -> None:
    from dashboards.grafana.render import stamped

    sync(grafana)
    held = grafana.dashboards["puente-joint-line-en"]
    held["dashboard"] = {**stamped({**held["dashboard"], "title": "As it was"}), "id": 9, "version": 4}
    assert outcomes(sync(grafana), "updated") == [("dashboard", "The line: does it keep up, and lose nothing?")]
    assert grafana.dashboards["puente-joint-line-en"]["dashboard"]["version"] == 5


def test_what_people_made_is_not_touched(grafana: FakeGrafana) -> None:
    mine = {"dashboard": {"uid": "mine", "title": "Mine", "version": 1}, "meta": {"folderUid": "puente-us"}}
    unstamped = {"dashboard": {"uid": "puente-us-border-en", "title": "X", "version": 1}, "meta": {"folderUid": "q"}}
    grafana.dashboards = {"mine": mine, "puente-us-border-en": unstamped}
    grafana.teams = [{"id": 1, "name": "Puente us", "memberCount": 12}, {"id": 2, "name": "Others"}]
    before = json.dumps([mine, unstamped, grafana.teams])
    told = sync(grafana)
    assert ("team", "Puente us") in outcomes(told, "unchanged")
    assert outcomes(told, "skipped") == [
        ("dashboard", "Border: how long is the queue, and how long does crossing take?")
    ]
    assert json.dumps([mine, unstamped, grafana.teams[:2]]) == before


def test_permissions_that_people_gave_stay_and_ours_are_added(grafana: FakeGrafana) -> None:
    sync(grafana)
    grafana.permissions["puente-us"] = [{"userId": 44, "permission": 4, "inherited": False}]
    assert outcomes(sync(grafana), "updated") == [("permissions", "Puente: us")]
    us = next(team["id"] for team in grafana.teams if team["name"] == "Puente us")
    assert [(i.get("userId"), i.get("teamId")) for i in grafana.permissions["puente-us"]] == [(44, None), (None, us)]
    assert sync(grafana).counts()["unchanged"] == THINGS


def test_a_run_cut_short_before_its_permissions_leaves_no_folder_open_to_all(grafana: FakeGrafana) -> None:
    sync(grafana)
    grafana.permissions["puente-mx"] = [{"role": "Viewer", "permission": 1}, {"role": "Editor", "permission": 2}]
    assert outcomes(sync(grafana), "created") == [("permissions", "Puente: mx")]
    assert [item.get("role") for item in grafana.permissions["puente-mx"]] == [None]


def test_a_newer_grafana_that_makes_its_maker_the_folders_admin_leaves_no_folder_open_to_all(
    grafana: FakeGrafana,
) -> None:
    """From 11.2.3 on, what a service account makes has that account as Admin beside the roles."""
    grafana.maker = {"userId": 9, "permission": 4, "inherited": False}
    sync(grafana)
    for folder in ("puente-us", "puente-mx", "puente-joint"):
        held = grafana.permissions[folder]
        assert [item for item in held if item.get("role")] == []
        assert [item["permission"] for item in held if item.get("userId") == 9] == [4]
        assert any(item.get("teamId") for item in held)
    assert sync(grafana).counts()["unchanged"] == THINGS


def test_a_folder_or_an_alarm_that_people_changed_and_a_moved_dashboard_are_left(grafana: FakeGrafana) -> None:
    sync(grafana)
    grafana.folders["puente-us"]["title"] = "CBP Laredo"
    grafana.rules["puente-line-lag"]["for"] = "30m0s"
    grafana.dashboards["puente-mx-border-es"]["meta"]["folderUid"] = "favourites"
    told = sync(grafana)
    assert {step.kind: step.why for step in told.steps if step.outcome == "skipped"} == {
        "folder": "people call it 'CBP Laredo'",
        "alarm": "changed by people since; --force takes it back",
        "dashboard": "moved by people to another folder",
    }
    assert sync(grafana, force=True).counts() == {"created": 0, "updated": 3, "unchanged": THINGS - 3, "skipped": 0}
    assert sync(grafana).counts()["unchanged"] == THINGS


def test_what_files_brought_is_left_to_them_even_by_force(grafana: FakeGrafana) -> None:
    sync(grafana)
    grafana.sources["puente-history"]["readOnly"] = True
    grafana.rules["puente-line-lag"]["provenance"] = "file"
    for held in grafana.dashboards.values():
        held["meta"]["provisioned"] = True
    told = sync(grafana, force=True)
    assert {step.why for step in told.steps if step.outcome == "skipped"} == {"provisioned from files"}
    assert told.counts()["skipped"] == 2 + len(EVERYTHING.dashboards)


def test_a_new_token_reaches_the_data_source_and_is_kept_nowhere_in_plain(grafana: FakeGrafana) -> None:
    sync(grafana)
    renewed = Source(SOURCE.url, SOURCE.bucket, "another-secret")
    assert outcomes(sync(grafana, source=renewed), "updated") == [("data source", SOURCE.url)]
    assert sync(grafana, source=renewed).counts()["unchanged"] == THINGS
    assert "secret" not in json.dumps(grafana.sources["puente-history"]["jsonData"])
    grafana.sources["puente-history"]["url"] = "http://people.example"
    assert outcomes(sync(grafana, source=renewed), "skipped") == [("data source", SOURCE.url)]


def test_without_a_source_the_data_source_is_left_alone(grafana: FakeGrafana) -> None:
    assert sync(grafana, source=None).counts()["created"] == THINGS - 1
    assert grafana.sources == {}


def test_another_audience_is_a_folder_and_a_team_more(grafana: FakeGrafana) -> None:
    sync(grafana)
    told = sync(grafana, everything(("us", "mx", "ca", "joint")))
    made = outcomes(told, "created")
    assert ("folder", "Puente: ca") in made
    assert ("team", "Puente ca") in made
    assert outcomes(told, "updated")[0] == ("permissions", "Puente: joint picture · imagen conjunta")


@pytest.mark.parametrize("status", [400, 403, 412, 500])
def test_what_grafana_refuses_is_said_in_its_words_with_what_was_asked(grafana: FakeGrafana, status: int) -> None:
    grafana.fail = status
    with pytest.raises(GrafanaRefusedError, match=r"http://influxdb:8086: .*the answer of a test"):
        sync(grafana)


def test_a_wrong_token_is_refused(grafana: FakeGrafana) -> None:
    with pytest.raises(GrafanaRefusedError, match="the data source: Unauthorized"):
        Sync(connect(grafana.url, "wrong")).run(EVERYTHING, SOURCE)


def test_where_no_grafana_is_that_is_said() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(GrafanaUnreachableError, match=f"no Grafana answers at http://127.0.0.1:{port}/api"):
        Sync(connect(f"http://127.0.0.1:{port}", TOKEN)).run(EVERYTHING, SOURCE)


@pytest.mark.parametrize(
    "url", ["grafana.example", "ftp://grafana.example", "https://me:pw@grafana.example", "http://"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must be an http or https address"):
        connect(url, TOKEN)


def test_an_address_is_taken_apart_rightly() -> None:
    assert connect("https://g.example/boards/", TOKEN).api.url == "https://g.example/boards/api"
    assert connect("http://[::1]:3000", TOKEN).api.url == "http://[::1]:3000/api"


def test_an_alarm_is_the_same_however_grafana_writes_its_duration() -> None:
    rule: dict[str, Any] = alarms.rule(next(alarm for alarm in alarms.ALARMS if alarm.minutes == 2))
    assert alarms.unstamped({**rule, "for": "2m0s"}) == alarms.unstamped(rule)
    assert alarms.unstamped({**rule, "for": "120s"}) == alarms.unstamped(rule)
    assert alarms.unstamped({**rule, "for": "1h2m"}) != alarms.unstamped(rule)
