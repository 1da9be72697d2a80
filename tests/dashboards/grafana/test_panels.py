"""Every query of every dashboard, run on a real InfluxDB that the line has filled: no error, none empty unannounced.

Static checks first: no panel can mix a drill with the real, every tag and field that a query names is held.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from border_run import Bucket, line_samples, real_line, simulated_hours
from influxql_filling import fill, starting

from contracts.alerts import Alert
from contracts.history import Batch
from contracts.metric_types import ROLES
from contracts.metrics import BY_NAME
from dashboards.grafana import alarms, catalog
from dashboards.grafana.board import Board, Panel
from dashboards.grafana.catalog import BOARDS, everything
from dashboards.grafana.influxql import OPEN_DAYS
from dashboards.grafana.names import LANGUAGES
from dashboards.grafana.variables import DRILL, REAL
from detectors.route_deviation import CARD as ROUTE
from streams.episodes import Concern, Episodes, Sighting, Told
from streams.sinks import points

AUDIENCES = ("us", "mx", "joint")
ALL_DASHBOARDS = [dashboard for _, dashboard in everything(AUDIENCES).dashboards]
REAL_S = 25
HOUR_MS = 3_600_000


def board_of(dashboard: dict[str, Any]) -> Board:
    """The board that this dashboard was made of."""
    (found,) = (board for board in BOARDS if f"-{board.key}-" in dashboard["uid"])
    return found


def pairs(dashboard: dict[str, Any]) -> Iterator[tuple[Panel, dict[str, Any]]]:
    """Each panel as declared, and as rendered."""
    yield from zip(board_of(dashboard).panels, dashboard["panels"], strict=True)


def asked(dashboard: dict[str, Any]) -> Iterator[str]:
    """Every query of the dashboard: its panels', its annotations', its variables'."""
    for panel in dashboard["panels"]:
        yield from (target["query"] for target in panel["targets"])
    for note in dashboard.get("annotations", {}).get("list", ()):
        yield note["target"]["query"]
    yield from (v["query"] for v in dashboard["templating"]["list"] if v["type"] == "query")


# -- without a server ----------------------------------------------------------------------------------------------

HELD = {
    layout.measurement: {*layout.tags, *layout.floats, *layout.ints, *layout.texts, *layout.jsons}
    | {f"{name}_{language}" for name in layout.by_language for language in LANGUAGES}
    for layout in (points.READING_LAYOUT, points.EVENT_LAYOUT, points.CROSSING_LAYOUT, points.ALERT_LAYOUT)
}
HELD["open_alerts"] = {*points.OPEN_TAGS, "open", "opened_ms", "updated_ms", "alert_id", "device_id", "shipment_id"}
HELD["open_alerts"] |= {f"messages_{language}" for language in LANGUAGES}
HELD["line_health"] = {"metric", "process", "role", "value", *(label for m in BY_NAME.values() for label in m.labels)}


@pytest.mark.parametrize("dashboard", ALL_DASHBOARDS, ids=lambda d: d["uid"])
def test_no_query_can_mix_a_drill_with_the_real(dashboard: dict[str, Any]) -> None:
    choice = [v for v in dashboard["templating"]["list"] if v["name"] == "exercise"]
    assert [(v["multi"], v["includeAll"], v["current"]["value"]) for v in choice] == [(False, False, "false")]
    for query in asked(dashboard):
        if query.startswith("SHOW TAG VALUES"):
            continue  # the names that tags have, which are the same for both
        metric = re.search(r"\"metric\" = '(\w+)'", query)
        serves_both = metric is not None and "exercise" not in BY_NAME[metric[1]].labels
        assert query.count("\"exercise\" = '${exercise:raw}'") == (0 if serves_both else 1), query


@pytest.mark.parametrize("dashboard", ALL_DASHBOARDS, ids=lambda d: d["uid"])
def test_a_query_names_only_what_the_history_holds(dashboard: dict[str, Any]) -> None:
    for query in asked(dashboard):
        (measurement,) = set(re.findall(r'FROM "(\w+)"', query))
        made = set(re.findall(r'AS "(\w+)"', query))
        key = set(re.findall(r'KEY = "(\w+)"', query))
        named = set(re.findall(r'"(\w+)"', query.replace('/"gap"/', "").replace('/"no_fix"/', "")))
        assert (named | key) - made - {measurement} <= HELD[measurement], query


@pytest.mark.parametrize("dashboard", ALL_DASHBOARDS, ids=lambda d: d["uid"])
def test_an_agencys_dashboard_asks_only_for_what_it_was_told(dashboard: dict[str, Any]) -> None:
    audience = dashboard["uid"].split("-")[1]
    chosen_of = {variable["name"] for variable in dashboard["templating"]["list"]}
    for query in asked(dashboard):
        if audience == "joint" and "audience" not in chosen_of:
            continue  # the line's board and the fleet's, which see what is told to anybody
        if re.search(r'FROM "(open_)?alerts"', query) and not query.startswith("SHOW"):
            assert '"audiences" =~ /(^|,)${audience:regex}(,|$)/' in query
    for variable in dashboard["templating"]["list"]:
        if variable["name"] == "audience" and audience != "joint":
            assert (variable["type"], variable["query"], variable["hide"]) == ("constant", audience, 2)


def test_titles_are_questions_in_both_languages_and_descriptions_say_when_nothing_is_seen() -> None:
    for dashboard in ALL_DASHBOARDS:
        spanish = dashboard["uid"].endswith("-es")
        assert dashboard["title"].endswith("?")
        assert ("¿" in dashboard["title"]) == spanish
        assert dashboard["description"]
        for panel, rendered in pairs(dashboard):
            assert rendered["title"].endswith("?")
            assert rendered["title"].startswith("¿") == spanish
            assert rendered["description"].startswith(panel.says.es if spanish else panel.says.en)
            if panel.empty is not None:
                assert (panel.empty.es if spanish else panel.empty.en) in rendered["description"]


def test_every_chart_over_time_shows_when_alerts_opened() -> None:
    for dashboard in ALL_DASHBOARDS:
        asks_for_alerts = [note["target"]["query"] for note in dashboard["annotations"]["list"] if "target" in note]
        assert any(panel["type"] == "timeseries" for panel in dashboard["panels"])
        assert any('FROM "alerts"' in query for query in asks_for_alerts), dashboard["uid"]


def test_uids_are_stable_and_each_dashboards_own() -> None:
    uids = [dashboard["uid"] for dashboard in ALL_DASHBOARDS]
    assert len(set(uids)) == len(uids) == 6 * 2 + 2 * 4 * 2
    assert "puente-joint-border-es" in uids
    assert max(map(len, uids)) <= 40
    assert [d for _, d in everything(AUDIENCES).dashboards] == ALL_DASHBOARDS
    long = everything(("an-audience-with-a-very-long-name-indeed", "joint")).dashboards
    assert max(len(d["uid"]) for _, d in long) == 40
    assert len({d["uid"] for _, d in long}) == len(long)


def test_panels_lie_side_by_side_and_on_no_other() -> None:
    for dashboard in ALL_DASHBOARDS:
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken
            assert place["x"] + place["w"] <= 24
            taken |= cells


def test_each_roles_silence_alone_is_asked_for_and_told_when_its_text_says() -> None:
    silent = [alarm for alarm in alarms.ALARMS if alarm.absence == "Alerting"]
    asked_of = [re.findall(r"\"role\" = '(\w+)'", alarm.influxql) for alarm in silent]
    assert sorted(asked_of) == sorted([role] for role in ROLES)
    for alarm, (role,) in zip(silent, asked_of, strict=True):
        assert f"No {role} process" in alarm.says.en
        assert f"Ningún proceso {role} " in alarm.says.es
        assert "about three minutes" in alarm.says.en
        assert "unos tres minutos" in alarm.says.es
        soonest_s = alarm.window_s + 60 * alarm.minutes
        assert soonest_s + alarms.INTERVAL_S / 2 == 180  # looked at once in an interval: on the mean half of it later


def test_an_alarms_window_is_that_of_all_its_steps_and_what_is_so_now_looks_back_briefly() -> None:
    for alarm in alarms.ALARMS:
        windows = {query["relativeTimeRange"]["from"] for query in alarms.rule(alarm)["data"]}
        assert windows == {alarm.window_s}
        # A replaced process's last word must have left the window before it could fire.
        if alarm.key in ("not-ready", "notices"):
            assert alarm.window_s < 60 * alarm.minutes


# -- on a real InfluxDB ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bucket(influx: Any) -> Bucket:
    """Hours of a simulated border, and the line's samples of itself."""
    made = Bucket.made(influx, "border")
    now_ms = time.time_ns() // 1_000_000
    simulated_hours(made, now_ms)
    line_samples(made, now_ms)
    return made


def values(series: list[dict[str, Any]]) -> list[Any]:
    """What is to be seen of an answer: all but times and nulls."""
    return [value for one in series for row in one["values"] for value in row[1:] if value is not None]


def span_ms(dashboard: dict[str, Any], panel: dict[str, Any] | None = None) -> tuple[int, int]:
    span = (panel or {}).get("timeFrom", dashboard["time"]["from"].removeprefix("now-"))
    now_ms = time.time_ns() // 1_000_000
    return now_ms - int(span[:-1]) * {"h": HOUR_MS, "m": HOUR_MS // 60}[span[-1]], now_ms


def choices(bucket: Bucket, dashboard: dict[str, Any], **given: str) -> dict[str, Any]:
    """Each variable's value when the dashboard opens; of a query's, the values that it gives are there."""
    listed = dashboard["templating"]["list"]
    chosen = starting(listed) | given
    for variable in listed:
        if variable["type"] == "query":
            series = bucket.ask(fill(variable["query"], listed, chosen, span_ms(dashboard)))
            found = [row[1] for one in series for row in one["values"]]
            assert found, f"{variable['name']} gives no values"
            if variable["includeAll"] and variable.get("allValue") is None:
                chosen[variable["name"]] = found  # what All stands for, where it is no expression of its own
            elif chosen[variable["name"]] == "":
                chosen[variable["name"]] = most_told(bucket, found)
    return chosen


def most_told(bucket: Bucket, shipments: list[str]) -> str:
    """The shipment with the most alerts, of which most is to be seen."""
    series = bucket.ask('SELECT "shipment_id", "revision" FROM "alerts" WHERE "exercise" = \'false\'')
    told = [row[1] for one in series for row in one["values"] if row[1] in shipments]
    return max(sorted(set(told)), key=told.count)


def run(bucket: Bucket, dashboard: dict[str, Any], chosen: dict[str, Any], interval_s: int = 60) -> dict[str, bool]:
    """By panel's title, whether anything is to be seen in it. Fails where a query has an error."""
    listed = dashboard["templating"]["list"]
    shown = {}
    for panel in dashboard["panels"]:
        span = span_ms(dashboard, panel)
        asked = (fill(target["query"], listed, chosen, span, interval_s) for target in panel["targets"])
        answers = [bucket.ask(query) for query in asked]
        shown[panel["title"]] = any(map(values, answers))
    return shown


@pytest.mark.influx
@pytest.mark.parametrize("dashboard", ALL_DASHBOARDS, ids=lambda d: d["uid"])
def test_every_panel_shows_something_or_says_why_not(bucket: Bucket, dashboard: dict[str, Any]) -> None:
    chosen = choices(bucket, dashboard)
    shown = run(bucket, dashboard, chosen)
    for panel, rendered in pairs(dashboard):
        assert shown[rendered["title"]] or panel.empty is not None, f"{rendered['title']} is empty and says not why"
    for note in dashboard.get("annotations", {}).get("list", ()):
        bucket.ask(fill(note["target"]["query"], dashboard["templating"]["list"], chosen, span_ms(dashboard)))


@pytest.mark.influx
def test_what_may_be_empty_is_not_empty_for_want_of_a_right_question(bucket: Bucket) -> None:
    """Nothing hides behind its excuse: in this run only these are empty, and in truth."""
    empty = set()
    for dashboard in ALL_DASHBOARDS:
        if dashboard["uid"].startswith("puente-joint-") and dashboard["uid"].endswith("-en"):
            chosen = choices(bucket, dashboard)
            line_samples(bucket, time.time_ns() // 1_000_000)  # the newest minute alone says who is ready
            shown = run(bucket, dashboard, chosen)
            empty |= {(dashboard["uid"], title) for title, something in shown.items() if not something}
    print(sum(len(p["targets"]) for d in ALL_DASHBOARDS for p in d["panels"]), "queries,", len(empty), "panels empty")
    lanes = bucket.ask('SELECT count("wait_s") FROM "crossings" GROUP BY "bridge", "lane", "direction"')
    print(*(f"{one['tags']} {one['values'][0][1]}" for one in lanes), sep="\n")
    assert {one["tags"]["direction"] for one in lanes} <= {"northbound", "southbound"}
    assert empty <= {
        ("puente-joint-fleet-en", "How many readings did not come?"),
        ("puente-joint-fleet-en", "How many have no position?"),
        ("puente-joint-fleet-en", "Where do positions get lost?"),
        ("puente-joint-border-en", "How long is the wait now?"),
    }


@pytest.mark.influx
@pytest.mark.parametrize("key", ["corridor", "border", "alerts", "fleet"])
def test_chosen_values_narrow_what_is_seen_and_several_may_be_chosen(bucket: Bucket, key: str) -> None:
    (dashboard,) = (d for d in ALL_DASHBOARDS if d["uid"] == f"puente-joint-{key}-es")
    (series,) = bucket.ask('SELECT "corridor", "direction", "alert_id" FROM "alerts" LIMIT 1')
    _, corridor, direction, _ = series["values"][0]
    chosen = choices(bucket, dashboard)
    everyone = run(bucket, dashboard, chosen)
    some = run(bucket, dashboard, chosen | {"corridor": [corridor, "a.b|.*"], "direction": [direction]})
    nobody = run(bucket, dashboard, chosen | {"carrier": "n.ne|.*"})
    assert any(some.values())
    assert {title for title, shown in some.items() if shown} <= {title for title, shown in everyone.items() if shown}
    assert not any(nobody.values())


@pytest.mark.influx
@pytest.mark.parametrize("dashboard", ALL_DASHBOARDS, ids=lambda d: d["uid"])
def test_while_there_is_no_drill_its_view_is_empty(bucket: Bucket, dashboard: dict[str, Any]) -> None:
    shown = run(bucket, dashboard, choices(bucket, dashboard) | {"exercise": DRILL})
    for rendered in dashboard["panels"]:
        if all("exercise" in target["query"] for target in rendered["targets"]):
            assert not shown[rendered["title"]], rendered["title"]


@pytest.mark.influx
def test_a_drill_beside_the_real_is_seen_alone_and_the_real_without_it(influx: Any, unique: str) -> None:
    bucket = Bucket.made(influx, unique)
    now_ms = time.time_ns() // 1_000_000
    for exercise in (False, True):
        simulated_hours(bucket, now_ms, hours=1, shipments=4, exercise=exercise)
    (dashboard,) = (d for d in ALL_DASHBOARDS if d["uid"] == "puente-us-corridor-en")
    query, listed = dashboard["panels"][0]["targets"][0]["query"], dashboard["templating"]["list"]

    def seen(view: str) -> set[str]:
        filled = fill(query, listed, choices(bucket, dashboard) | {"exercise": view}, span_ms(dashboard))
        (series,) = bucket.ask(filled)
        at = series["columns"].index("device_id")
        return {row[at] for row in series["values"]}

    assert seen(REAL)
    assert seen(DRILL)
    assert not any("-DRILL-" in device_id for device_id in seen(REAL))
    assert all("-DRILL-" in device_id for device_id in seen(DRILL))


@pytest.mark.influx
def test_a_shipments_readings_are_asked_of_its_own_devices_and_none_is_missed(bucket: Bucket) -> None:
    (dashboard,) = (d for d in ALL_DASHBOARDS if d["uid"] == "puente-joint-shipment-en")
    chosen = choices(bucket, dashboard)
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            if 'FROM "readings"' in target["query"]:
                assert '"device_id" =~ /^${devices:regex}$/' in target["query"]
    held = bucket.ask(
        f'SELECT count("seq") FROM "readings" WHERE "shipment_id" = \'{chosen["shipment"]}\' GROUP BY "device_id"'
    )
    assert set(chosen["devices"]) == {one["tags"]["device_id"] for one in held}
    assert len(held) == 3


@pytest.mark.influx
def test_a_device_that_had_no_fix_is_nowhere_and_not_off_africa(bucket: Bucket) -> None:
    assert values(bucket.ask('SELECT count("seq") FROM "readings" WHERE "marks" =~ /"no_fix"/'))
    for measurement in ("readings", "events", "crossings", "alerts"):
        at_0_0 = f'SELECT count("lat_deg") FROM "{measurement}" WHERE "lat_deg" = 0 AND "lon_deg" = 0'
        assert not values(bucket.ask(at_0_0)), measurement


@pytest.mark.influx
def test_each_agency_sees_its_own_alerts_and_the_joint_picture_all(bucket: Bucket) -> None:
    def seen(audience: str) -> set[str]:
        (dashboard,) = (d for d in ALL_DASHBOARDS if d["uid"] == f"puente-{audience}-alerts-en")
        (panel,) = (p for p in dashboard["panels"] if p["title"] == "What was told, and to whom?")
        query = fill(
            panel["targets"][0]["query"],
            dashboard["templating"]["list"],
            choices(bucket, dashboard),
            span_ms(dashboard, panel),
        ).replace('SELECT "updated_ms"', 'SELECT "alert_id"')
        return {row[1] for one in bucket.ask(query) for row in one["values"]}

    held: dict[str, str] = {}
    for one in bucket.ask('SELECT "alert_id", "audiences" FROM "alerts"'):
        held |= {row[1]: row[2] for row in one["values"]}
    for audience in ("us", "mx"):
        assert seen(audience) == {alert_id for alert_id, told in held.items() if audience in told.split(",")}
    assert seen("joint") == set(held)
    assert seen("us") != seen("mx")


class Border:
    """A bucket of alerts alone, and what the boards say of it: open by the table, by each count; opened in the span."""

    def __init__(self, influx: Any, name: str) -> None:
        self.bucket, self.now_ms = Bucket.made(influx, name), time.time_ns() // 1_000_000

    def hold(self, *alerts: Alert | None) -> None:
        held = self.bucket.history()
        assert held.write(Batch(alerts=[alert for alert in alerts if alert])) == []
        held.close()

    def panel(self, audience: str, board: str, title: str, **given: str) -> list[list[Any]]:
        (dashboard,) = (d for d in ALL_DASHBOARDS if d["uid"] == f"puente-{audience}-{board}-en")
        (panel,) = (p for p in dashboard["panels"] if p["title"] == title)
        listed = dashboard["templating"]["list"]
        filled = fill(
            panel["targets"][0]["query"], listed, starting(listed) | given, span_ms(dashboard, panel), interval_s=3600
        )
        return [row for one in self.bucket.ask(filled) for row in one["values"]]

    def seen(self, audience: str) -> tuple[int, int, int, int]:
        def total(board: str, title: str, **given: str) -> int:
            return sum(row[1] for row in self.panel(audience, board, title, **given))

        counts = {
            total("alerts", "How bad is it?"),
            total("corridor", "How many alerts are open?"),
            total("shipment", "How many alerts are open?", shipment="SHP-1"),
        }
        (count,) = counts
        return (
            len(self.panel(audience, "alerts", "What is wrong now?")),
            count,
            total("alerts", "Which rules found it?"),
            total("alerts", "When did alerts open?"),
        )


def sighting(time_ms: int, seq: int) -> Sighting:
    return Sighting("TRK-1", 1, seq, time_ms, "SHP-1", 27.5, -99.5, False)


@pytest.mark.influx
def test_who_joins_an_alert_sees_it_open_and_close_and_nobody_sees_it_twice(influx: Any, unique: str) -> None:
    border = Border(influx, unique)
    episodes, at_ms = Episodes(("en", "es")), border.now_ms - 600_000
    off = {"off_route_m": 3000.0, "half_width_m": 1500.0}
    records: list[Alert] = []

    def told(now: Told | None) -> None:
        assert now is not None
        records.append(now.alert)
        border.hold(now.alert)

    told(episodes.trip(ROUTE, "TRK-1", sighting(at_ms, 1), 0.3, off, Concern(("us", "joint"))))
    assert [border.seen(a) for a in AUDIENCES] == [(1, 1, 1, 1), (0, 0, 0, 0), (1, 1, 1, 1)]
    told(episodes.trip(ROUTE, "TRK-1", sighting(at_ms + 1_000, 2), 0.6, off, Concern(("us", "mx", "joint"))))
    assert [border.seen(a) for a in AUDIENCES] == [(1, 1, 1, 1)] * 3
    assert border.panel("us", "alerts", "What is wrong now?")[0][1] == at_ms + 1_000, "its newest word"
    told(episodes.trip(ROUTE, "TRK-1", sighting(at_ms + 2_000, 3), 0.9, off, Concern(("us", "joint"))))
    assert [border.seen(a) for a in AUDIENCES] == [(1, 1, 1, 1)] * 3
    told(episodes.clear(ROUTE, "TRK-1", sighting(at_ms + 3_000, 4), {"off_route_m": 10.0}))
    assert [border.seen(a) for a in AUDIENCES] == [(0, 0, 1, 1)] * 3
    border.hold(*records)  # a replay
    assert [border.seen(a) for a in AUDIENCES] == [(0, 0, 1, 1)] * 3
    assert [len(border.panel(a, "alerts", "What was told, and to whom?")) for a in AUDIENCES] == [4, 3, 4]
    assert [len(border.panel(a, "alerts", "Where were they?")) for a in AUDIENCES] == [2, 1, 2]


@pytest.mark.influx
def test_what_is_open_is_seen_however_long_it_has_been_up_to_the_bound_that_is_said(influx: Any, unique: str) -> None:
    border = Border(influx, unique)
    off = {"off_route_m": 3000.0, "half_width_m": 1500.0}
    for seq, hours in enumerate((13, 24 * (OPEN_DAYS - 1), 24 * (OPEN_DAYS + 1))):
        episodes = Episodes(("en",))
        opened = episodes.trip(
            ROUTE, "TRK-1", sighting(border.now_ms - hours * HOUR_MS, seq), 0.3, off, Concern(AUDIENCES)
        )
        assert opened is not None
        border.hold(opened.alert)
    assert border.seen("us") == (2, 2, 0, 0)
    (dashboard,) = (d for d in ALL_DASHBOARDS if d["uid"] == "puente-us-alerts-es")
    assert f"últimos {OPEN_DAYS} días" in dashboard["panels"][0]["description"]


@pytest.mark.influx
@pytest.mark.parametrize("alarm", alarms.ALARMS, ids=lambda a: a.key)
def test_every_alarm_of_the_line_asks_what_can_be_answered(bucket: Bucket, alarm: alarms.Alarm) -> None:
    now_ms = time.time_ns() // 1_000_000
    line_samples(bucket, now_ms)
    query = alarms.rule(alarm)["data"][0]["model"]["query"]
    assert "${" not in query
    assert values(bucket.ask(fill(query, [], {}, (now_ms - alarm.window_s * 1000, now_ms))))


@pytest.mark.influx
@pytest.mark.kafka
@pytest.mark.mqtt
def test_on_the_real_line_every_panel_of_the_joint_folder_runs(
    influx: Any, kafka_ready: None, mqtt_kind: str, unique: str
) -> None:
    """The line's own samples of its health among them: nothing here is made up."""
    bucket = Bucket.made(influx, unique)
    real_line(bucket, REAL_S)
    shown: dict[str, bool] = {}
    for _, dashboard in catalog.everything(("joint",), ("en",)).dashboards:
        chosen = starting(dashboard["templating"]["list"])
        if chosen.get("shipment") == "":
            (series,) = bucket.ask('SELECT DISTINCT("shipment_id") FROM "readings"')
            chosen["shipment"] = series["values"][0][1]
            (devices,) = (v for v in dashboard["templating"]["list"] if v["name"] == "devices")
            (series,) = bucket.ask(fill(devices["query"], [], chosen, span_ms(dashboard)))
            chosen["devices"] = [row[1] for row in series["values"]]
        answered = run(bucket, dashboard, chosen, interval_s=10)
        shown |= answered
        if "-border-" not in dashboard["uid"]:  # nobody crosses a bridge in half a minute
            for panel, rendered in pairs(dashboard):
                assert answered[rendered["title"]] or panel.empty is not None, rendered["title"]
    print(json.dumps(shown, indent=1))
    assert shown["How many readings come in?"]
    assert shown["What was told, and to whom?"]
    (sums,) = bucket.ask('SELECT sum("opens") FROM "alerts"')
    assert shown["What is wrong now?"] == (sums["values"][0][1] > 0)  # most often all has closed by the end
    assert shown["Where is each truck, and where were alerts?"]
