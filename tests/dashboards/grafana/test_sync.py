"""The sync: repeatable, tells what it did, changes nothing that people made. Against a fake that objects by schema."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fake_grafana import TOKEN, FakeGrafana, serving

from dashboards.grafana import alarms, memory
from dashboards.grafana.catalog import Everything, Source, everything
from dashboards.grafana.sync import Account, GrafanaRefusedError, GrafanaUnreachableError, Sync, connect

EVERYTHING = everything(("us", "mx", "joint"))
SOURCE = Source("http://influxdb:8086", "puente", "a-secret")
# The data source, three folders with their permissions, three teams, what was made; dashboards, alarms.
THINGS = 1 + 3 + 3 + 3 + 1 + len(EVERYTHING.dashboards) + len(EVERYTHING.rules)


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
    assert set(grafana.dashboards) == {d["uid"] for _, d in EVERYTHING.dashboards} | {memory.UID}
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


def skipped(account: Account) -> list[tuple[str, str, str]]:
    return [(step.kind, step.name, step.why) for step in account.steps if step.outcome == "skipped"]


def team_ids(grafana: FakeGrafana, folder: str) -> list[int]:
    return [item["teamId"] for item in grafana.permissions[folder] if item.get("teamId")]


def test_permissions_that_people_made_stay_and_restore_adds_ours(grafana: FakeGrafana) -> None:
    sync(grafana)
    grafana.permissions["puente-us"] = [{"userId": 44, "permission": 4, "inherited": False}]
    why = "left as people made it, without Puente us; --restore lets them in"
    assert skipped(sync(grafana)) == [("permissions", "Puente: us", why)]
    assert team_ids(grafana, "puente-us") == []
    assert outcomes(sync(grafana, restore=True), "updated") == [("permissions", "Puente: us")]
    us = next(team["id"] for team in grafana.teams if team["name"] == "Puente us")
    assert [(i.get("userId"), i.get("teamId")) for i in grafana.permissions["puente-us"]] == [(44, None), (None, us)]
    assert sync(grafana).counts()["unchanged"] == THINGS


def test_a_team_that_people_took_out_stays_out_while_a_new_one_comes_in(grafana: FakeGrafana) -> None:
    sync(grafana)
    us = next(team["id"] for team in grafana.teams if team["name"] == "Puente us")
    grafana.permissions["puente-joint"] = [i for i in grafana.permissions["puente-joint"] if i.get("teamId") != us]
    for _ in range(2):
        told = sync(grafana, everything(("us", "mx", "ca", "joint")))
        assert [(kind, why.split(";")[0]) for kind, _, why in skipped(told)] == [
            ("permissions", "left as people made it, without Puente us")
        ]
    assert us not in team_ids(grafana, "puente-joint")
    assert len(team_ids(grafana, "puente-joint")) == 3
    sync(grafana, everything(("us", "mx", "ca", "joint")), restore=True)
    assert us in team_ids(grafana, "puente-joint")


def test_without_a_note_of_what_was_made_nobody_is_let_in_where_people_set_permissions(grafana: FakeGrafana) -> None:
    sync(grafana)
    del grafana.dashboards[memory.UID]
    grafana.permissions["puente-mx"] = [{"userId": 44, "permission": 4, "inherited": False}]
    told = sync(grafana)
    assert [(kind, name) for kind, name, _ in skipped(told)] == [("permissions", "Puente: mx")]
    assert outcomes(told, "created") == [("dashboard", memory.TITLE)]
    assert team_ids(grafana, "puente-mx") == []


def test_what_people_deleted_stays_deleted_and_restore_brings_it_back(grafana: FakeGrafana) -> None:
    sync(grafana)
    del grafana.dashboards["puente-us-border-es"], grafana.rules["puente-line-lag"]
    grafana.teams = [team for team in grafana.teams if team["name"] != "Puente mx"]
    grafana.sources.clear()
    for _ in range(2):
        told = sync(grafana)
        assert [kind for kind, _, _ in skipped(told)] == ["data source", "team", "dashboard", "alarm"]
        assert {why for _, _, why in skipped(told)} == {"deleted by people; --restore brings it back"}
        assert told.counts()["unchanged"] == THINGS - 4
    assert sync(grafana, restore=True, dry_run=True).counts()["created"] == 4
    assert sync(grafana, restore=True).counts()["created"] == 4
    assert sync(grafana).counts()["unchanged"] == THINGS


def test_a_folder_that_people_deleted_is_not_made_again_nor_what_was_in_it(grafana: FakeGrafana) -> None:
    sync(grafana)
    del grafana.folders["puente-us"], grafana.permissions["puente-us"]
    grafana.dashboards = {uid: d for uid, d in grafana.dashboards.items() if d["meta"]["folderUid"] != "puente-us"}
    changes = len(grafana.changes)
    told = sync(grafana)
    assert len(grafana.changes) == changes
    first, *others = skipped(told)
    assert first[:2] == ("folder", "Puente: us")
    assert {kind for kind, _, _ in others} == {"dashboard"}
    assert sync(grafana, restore=True).counts()["skipped"] == 0
    assert len(team_ids(grafana, "puente-us")) == 1
    assert sync(grafana).counts()["unchanged"] == THINGS


def test_what_is_noted_is_kept_with_what_people_made_of_its_dashboard(grafana: FakeGrafana) -> None:
    sync(grafana)
    held = grafana.dashboards[memory.UID]
    held["dashboard"]["title"], held["meta"]["folderUid"] = "Notes", "attic"
    assert "puente_made" not in held["dashboard"]["panels"][0]["options"]["content"]
    sync(grafana, everything(("us", "mx", "ca", "joint")))
    held = grafana.dashboards[memory.UID]
    assert (held["dashboard"]["title"], held["meta"]["folderUid"]) == ("Notes", "attic")
    assert "folder puente-ca" in (memory.noted(held["dashboard"]) or ())
    assert memory.noted(None) is None
    assert memory.noted({"templating": {"list": [{"name": "puente_made", "query": "not JSON"}]}}) is None


def test_a_run_cut_short_before_its_permissions_leaves_no_folder_open_to_all(grafana: FakeGrafana) -> None:
    sync(grafana)
    del grafana.dashboards[memory.UID]  # it is noted at the end
    grafana.permissions["puente-mx"] = [{"role": "Viewer", "permission": 1}, {"role": "Editor", "permission": 2}]
    assert outcomes(sync(grafana), "created")[0] == ("permissions", "Puente: mx")
    assert [item.get("role") for item in grafana.permissions["puente-mx"]] == [None]


def test_a_folder_that_people_opened_to_all_stays_open(grafana: FakeGrafana) -> None:
    sync(grafana)
    grafana.permissions["puente-mx"] = [{"role": "Viewer", "permission": 1}, {"role": "Editor", "permission": 2}]
    assert [(kind, name) for kind, name, _ in skipped(sync(grafana))] == [("permissions", "Puente: mx")]
    assert outcomes(sync(grafana, restore=True), "created") == [("permissions", "Puente: mx")]
    assert [item.get("role") for item in grafana.permissions["puente-mx"]] == [None]


def test_an_alarm_is_peoples_to_edit_and_one_that_they_paused_stays_paused(grafana: FakeGrafana) -> None:
    sync(grafana)
    assert {rule["provenance"] for rule in grafana.rules.values()} == {""}
    grafana.rules["puente-line-silent-deliver"]["isPaused"] = True
    (paused,) = skipped(sync(grafana))
    assert (paused[0], paused[2]) == ("alarm", "changed by people since; --force takes it back")
    assert grafana.rules["puente-line-silent-deliver"]["isPaused"]


def test_alarms_that_an_earlier_release_locked_are_unlocked_as_they_are(grafana: FakeGrafana) -> None:
    sync(grafana)
    for rule in grafana.rules.values():
        rule["provenance"] = "api"
    old = grafana.rules["puente-line-lag"]
    grafana.rules["puente-line-lag"] = alarms.stamped({**old, "title": "As it was"})
    assert outcomes(sync(grafana), "updated") == [
        ("alarms", "Puente line"),
        ("alarm", next(r["title"] for r in EVERYTHING.rules if r["uid"] == "puente-line-lag")),
    ]
    assert {rule["provenance"] for rule in grafana.rules.values()} == {""}
    assert sync(grafana).counts()["unchanged"] == THINGS


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
    with pytest.raises(GrafanaRefusedError, match=f"{memory.TITLE}: Unauthorized"):
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
