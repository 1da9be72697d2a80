"""Real servers for tests: one of each a session, started when the first test asks; and servers a test may kill.

``kafka`` (bootstrap "127.0.0.1:PORT"), ``mqtt`` (.host .port .url .username .password .device_username
.device_password .kind), ``influx`` (.url .org .bucket .token) are shared: use topics, client ids and buckets of your
own (``unique``). ``kafka_factory``, ``mqtt_factory`` and ``influx_factory`` start a server of the test's own, ended
with it. What cannot be had here is a skip, named at the end of the run. ``PUENTE_REQUIRE=kafka,mqtt,...`` makes it a
failure: servers, and ``clients`` (kcat, mosquitto_pub, mosquitto_sub), ``schemas`` (others' that are fetched) and
``history`` (what git knows was published). ``all`` is each of them and more: then any skip at all is a failure.
"""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NoReturn

import pytest

from deploy.services.errors import ServiceMissingError
from deploy.services.influx import LocalInflux, influxd_program
from deploy.services.kafka import LocalKafka
from deploy.services.kafka_jars import kafka_jars
from deploy.services.mqtt import Kind, LocalMqtt, mosquitto_program
from detectors.explanation import Why

_REQUIRABLE = {"kafka", "mqtt", "mosquitto", "influx", "clients", "schemas", "history", "all"}
_NOT_RUN = "not run: "


# A file goes whole to one process of a parallel run. These are the longest, in seconds on an idle machine: begun first,
# so that no process is left alone with one at the end.
_LONG_S = {
    "kill/test_kill.py": 150,
    "deploy/test_windows_on_the_line.py": 110,
    "deploy/bench/test_benches.py": 70,
    "deploy/test_drills.py": 70,
    "dashboards/grafana/test_panels.py": 60,
    "kill/test_stumble.py": 60,
    "ingest/test_gateway.py": 55,
    "deploy/health/test_on_a_line.py": 50,
    "deploy/test_cli.py": 50,
    "deploy/test_compose.py": 45,
    "deploy/test_deliver.py": 45,
    "deploy/demo/test_demo.py": 35,
    "deploy/scorecard/test_days.py": 32,
    "detectors/test_choosy_rules.py": 30,
    "deploy/test_core_line.py": 30,
    "deploy/test_every_rule_explained.py": 30,
    "deploy/test_ready.py": 29,
    "deploy/test_line_run.py": 28,
    "deploy/test_roles_on_a_stack.py": 27,
    "deploy/test_sensors_on_the_line.py": 26,
    "deploy/test_mqtt_tls.py": 21,
    "streams/agents/test_seek.py": 19,
    "deploy/scorecard/test_hard_days.py": 18,
    "deploy/scorecard/test_curve.py": 17,
    "deploy/test_services.py": 16,
}
_SERVERS = {"kafka", "mqtt", "influx"}
# What a short-lived broker spends most on is compiling itself: in tests without Java's second, thorough compiler.
_JAVA = "-XX:TieredStopAtLevel=1"


# Hypothesis brings these in when they are first used, and pytest rewrites them then. In a fresh environment that was in
# the midst of a run, where CPython 3.11 failed at it once (SystemError: AST constructor recursion depth mismatch): its
# collector had run a finalizer of another test's within the compiler. Brought in at the start there is none.
_BROUGHT_IN_LATE = (
    "hypothesis.internal.conjecture.optimiser",
    "hypothesis.strategies._internal.random",
    "hypothesis.strategies._internal.regex",
)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # xdist would begin with the files of most tests: with the quick ones
    os.environ.setdefault("JDK_JAVA_OPTIONS", _JAVA)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what it sends to the background; what tests start would inherit it, and never hear Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if unknown := _required() - _REQUIRABLE:
        raise pytest.UsageError(f"PUENTE_REQUIRE names {sorted(unknown)}; there are {sorted(_REQUIRABLE)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then what else needs a server; the quick tests fill what is left."""
    for name in _BROUGHT_IN_LATE:
        with suppress(ImportError):  # another release may have other parts
            importlib.import_module(name)
    here = Path(__file__).parent
    served = {item.path for item in items if _SERVERS & set(item.keywords)}

    def seconds(item: pytest.Item) -> float:
        if not item.path.is_relative_to(here):
            return 0  # another's tests, run with these fixtures
        return _LONG_S.get(item.path.relative_to(here).as_posix(), 10 if item.path in served else 0)

    items.sort(key=seconds, reverse=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was not run, from the reports: tests may have run in several processes."""
    skipped = terminalreporter.stats.get("skipped", [])
    said = {str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped if report.longrepr}
    if mosquitto_program() is None:
        said.add(f"{_NOT_RUN}mosquitto (it is not installed; tests on MQTT ran on amqtt)")
    for line in sorted(said):
        if line.startswith(_NOT_RUN):
            terminalreporter.write_line(line, yellow=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is required a skip is a failure, by whatever means a test skipped."""
    report = yield
    if "all" in _required() and report.skipped and not hasattr(report, "wasxfail"):
        said = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and PUENTE_REQUIRE=all lets nothing be skipped: {said}"
    return report


def _required() -> set[str]:
    names = {name for name in os.environ.get("PUENTE_REQUIRE", "").split(",") if name}
    return names | _REQUIRABLE if "all" in names else names


def _not_had(name: str, why: str) -> NoReturn:
    """Skip and say so at the end, or fail where this server is required."""
    if name in _required():
        pytest.fail(f"{name} is required here (PUENTE_REQUIRE) and was not had: {why}", pytrace=False)
    pytest.skip(f"{_NOT_RUN}{name} ({why})")


@pytest.fixture(scope="session")
def not_had() -> Callable[[str, str], NoReturn]:
    """Say that something is not here, by its name in PUENTE_REQUIRE and why: a skip, or a failure where required."""
    return _not_had


@pytest.fixture(scope="session")
def client_program() -> Callable[[str], str]:
    """The path of a client such as ``kcat``."""

    def found(name: str) -> str:
        return shutil.which(name) or _not_had("clients", f"{name} is not installed")

    return found


@pytest.fixture(scope="session")
def kafka_ready(request: pytest.FixtureRequest) -> None:
    """Kafka's jars are on this machine; downloads them with its progress shown, which output capture would hide."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            kafka_jars()
    except ServiceMissingError as error:
        _not_had("kafka", str(error))


@pytest.fixture(scope="session")
def kafka(kafka_ready: None) -> Iterator[str]:
    """The session's Kafka, as ``host:port``. Its topics are those that tests make, each under a unique name."""
    with LocalKafka() as server:
        yield server.bootstrap


@pytest.fixture
def kafka_factory(kafka_ready: None) -> Iterator[Callable[[], LocalKafka]]:
    """Starts a Kafka of the test's own, which it may kill and restart."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(LocalKafka())


@pytest.fixture(scope="session")
def mqtt_kind() -> Kind:
    """mosquitto where it is installed, else amqtt; a failure where mosquitto is required and absent."""
    if mosquitto_program() is not None:
        return "mosquitto"
    why = "mosquitto is not installed; tests on MQTT ran on amqtt"
    if "mosquitto" in _required():
        pytest.fail(f"mosquitto is required here (PUENTE_REQUIRE): {why}", pytrace=False)
    return "amqtt"


@pytest.fixture(scope="session")
def mosquitto(mqtt_kind: Kind) -> Path:
    """The mosquitto of this machine, for what amqtt cannot do."""
    return mosquitto_program() or _not_had("mosquitto", "it is not installed; amqtt cannot do what is tested here")


@pytest.fixture(scope="session")
def mqtt(mqtt_kind: Kind) -> Iterator[LocalMqtt]:
    """The session's MQTT broker."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(LocalMqtt(mqtt_kind))
        except ServiceMissingError as error:
            _not_had("mqtt", str(error))
        yield server


@pytest.fixture
def mqtt_factory(mqtt_kind: Kind) -> Iterator[Callable[..., LocalMqtt]]:
    """Starts an MQTT broker of the test's own, which it may kill and restart. Takes a kind, else the session's."""
    with ExitStack() as stack:
        yield lambda kind=mqtt_kind: stack.enter_context(LocalMqtt(kind))


@pytest.fixture(scope="session")
def influx_ready() -> Path:
    """The influxd of this machine."""
    program = influxd_program()
    if program is None:
        _not_had("influx", "no influxd found: PUENTE_INFLUXD, PATH and cache were looked at")
    return program


@pytest.fixture(scope="session")
def influx(influx_ready: Path) -> Iterator[LocalInflux]:
    """The session's InfluxDB."""
    with LocalInflux(influx_ready) as server:
        yield server


@pytest.fixture
def influx_factory(influx_ready: Path) -> Iterator[Callable[[], LocalInflux]]:
    """Starts an InfluxDB of the test's own, which it may kill and restart."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(LocalInflux(influx_ready))


@pytest.fixture
def unique() -> str:
    """A name no other test uses, for topics, groups, client ids and buckets on shared servers."""
    return f"t{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def broken_promises() -> Callable[..., list[str]]:
    """What an explanation of a score that opened promises and does not keep, as sentences; none of a good one.

    ``names`` are those named, unless the explanation's own.
    """

    def broken(why: Why, score: float, names: list[str] | None = None) -> list[str]:
        if names is None:
            names = [name for name in str(why.evidence()["features"]).split(",") if name]
        alone = {name: why.score(**{name: usual}) for name, usual in why.usual.items()}
        found = []
        if not names:
            found.append("names nothing")
        if abs(why.score() - score) > 1e-9:
            found.append("not what the rule scored by")
        if why.score() < why.below:
            found.append("would not have opened")
        found += [f"{name} as usual lowers nothing" for name in names if not alone[name] < why.score()]
        if not why.score(**{name: why.usual[name] for name in names}) < why.below:
            found.append("would have opened with all that is named as usual")
        left = [name for name, score in alone.items() if name not in names and score < why.below]
        return found + [f"would not have opened without {name}, which is not named" for name in left]

    return broken
