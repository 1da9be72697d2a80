"""The line in containers, as far as it can be tested without a container engine.

The file is valid, every setting in it exists, and each of the line's services does its work when started by hand with
its own command and environment on local servers in the places of the containers.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache, reduce
from pathlib import Path
from typing import Any, NoReturn

import jsonschema
import paho.mqtt.client as paho
import pytest
import yaml

from contracts import topics
from deploy import compose_secrets, subscribers_file
from deploy.ready import wait_ready
from deploy.services.cache import cache_dir, locked
from deploy.services.influx import LocalInflux
from deploy.services.influx_reader import READER
from deploy.services.kafka import LocalKafka, run_apart
from deploy.services.mqtt import mosquitto_hash
from deploy.services.processes import Child, answers, free_port
from deploy.settings import Settings, load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "compose"
PATIENCE_S = 240.0
SERVICES = ("topics", "reader", "boards", "gateway", "worker", "sink", "deliver", "simulate")

# The Compose Specification's JSON Schema, as this wheel carries it: read from the file, never installed.
WHEEL = "check-jsonschema==0.39.0"
WHEEL_SHA256 = "14ce5c94871c551268ea948ffe21e9f1464dc48fb20bf9a4c13deeaaf756cf9b"
SCHEMA = "check_jsonschema/builtin_schemas/vendor/compose-spec.json"


@cache
def file() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())  # type: ignore[no-any-return]


# -- the file ----------------------------------------------------------------------------------------------------


def composes() -> Iterator[list[str]]:
    for command in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(command[0]) is not None:
            done = subprocess.run([*command, "version"], capture_output=True, check=False)
            if done.returncode == 0:
                yield command


def test_compose_takes_the_file(not_had: Callable[[str, str], NoReturn], tmp_path: Path) -> None:
    command = next(composes(), None) or not_had("clients", "docker-compose is not installed; its schema is checked")
    shutil.copytree(FOLDER, tmp_path / "compose", ignore=shutil.ignore_patterns("secrets"))
    compose_secrets.make(tmp_path / "compose" / "secrets")
    (tmp_path / "compose" / "secrets" / "subscribers.toml").write_text("")
    for more in ([], ["-f", str(tmp_path / "compose" / "compose.subscribers.yaml")]):
        done = subprocess.run(
            [*command, "-f", str(tmp_path / "compose" / "compose.yaml"), *more, "config"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        services = yaml.safe_load(done.stdout)["services"]
        assert set(services) >= {"kafka", "mqtt", "influx", "grafana", "gateway", "worker"}
        assert ("PUENTE_SUBSCRIBERS" in services["deliver"]["environment"]) == bool(more)


@pytest.fixture(scope="session")
def compose_schema(not_had: Callable[[str, str], NoReturn]) -> dict[str, Any]:
    with locked(cache_dir() / ".compose-spec.lock"):
        folder = cache_dir() / "compose-spec"
        found = list(folder.glob("*.whl"))
        if not found:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            if done.returncode != 0:
                not_had("schemas", f"the Compose Specification's: pip could not fetch it: {done.stderr.strip()[-200:]}")
            found = list(folder.glob("*.whl"))
    assert hashlib.sha256(found[0].read_bytes()).hexdigest() == WHEEL_SHA256
    with zipfile.ZipFile(found[0]) as wheel:
        return json.loads(wheel.read(SCHEMA))  # type: ignore[no-any-return]


def test_the_file_is_valid_by_the_compose_specifications_own_schema(compose_schema: dict[str, Any]) -> None:
    jsonschema.validate(file(), compose_schema)


def test_the_control_a_wrong_file_is_found_by_that_schema(compose_schema: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"services": {"a": {"imagine": "b"}}}, compose_schema)


@pytest.mark.parametrize("service", SERVICES)
def test_every_setting_of_a_service_exists_and_is_right(service: str, tmp_path: Path) -> None:
    environment = {}
    for name, value in file()["services"][service].get("environment", {}).items():
        assert name.startswith("PUENTE_"), name
        environment[name] = str(tmp_path / name) if name.endswith("_FILE") else value
        (tmp_path / name).write_text("secret")
    settings = load(environment)  # a key that is none, or a value that cannot be right, raises
    assert settings.kafka == "kafka:9092"


def test_every_image_is_pinned_and_no_password_is_written() -> None:
    for name, service in file()["services"].items():
        assert re.fullmatch(r"[a-z/-]+:\d+\.\d+\.\d+", service["image"]), name
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN", key):
                assert value.startswith("/run/secrets/"), key
                assert Path(value).name in service["secrets"], key
    dockerfile = (ROOT / "deploy" / "image" / "Dockerfile").read_text()
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["python:3.12.12-slim-bookworm"] * 2
    assert "USER 10001" in dockerfile


def test_every_service_that_stays_has_a_health_check_and_waits_for_what_it_needs() -> None:
    services = file()["services"]
    for name, service in services.items():
        if service["restart"] == "no":
            continue
        assert service["healthcheck"]["test"], name
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_healthy" if services[other]["restart"] != "no" else "service_completed_successfully"
            assert how["condition"] == wanted, (name, other)


def test_what_must_outlive_a_container_lies_in_a_volume() -> None:
    for name in ("kafka", "mqtt", "influx", "grafana"):
        mounted = [v.partition(":")[0] for v in file()["services"][name]["volumes"]]
        assert set(mounted) & set(file()["volumes"]), name


def test_nothing_is_opened_to_the_network_by_itself() -> None:
    for name, service in file()["services"].items():
        for port in service.get("ports", []):
            assert re.match(r"127\.0\.0\.1:|\$\{[A-Z_]+:-127\.0\.0\.1\}:", port), (name, port)


def test_the_image_holds_what_the_wheel_holds() -> None:
    copied = re.findall(r"^COPY ([a-z]+) \1$", (ROOT / "deploy" / "image" / "Dockerfile").read_text(), re.MULTILINE)
    ignored = (ROOT / "deploy" / "image" / "Dockerfile.dockerignore").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    packages = re.search(r"^packages = \[(.*)\]$", project, re.MULTILINE)
    assert packages is not None
    assert sorted(copied) == sorted(re.findall(r'"(\w+)"', packages[1]))
    assert all(f"!{name}\n" in ignored for name in copied)
    assert f"puente:{re.search(r'^version = .(.+).$', project, re.MULTILINE)[1]}" == file()["x-puente"]["image"]  # type: ignore[index]


# -- webhooks, which are off by default --------------------------------------------------------------------------


@cache
def subscribers() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "compose.subscribers.yaml").read_text())  # type: ignore[no-any-return]


def mounted(service: dict[str, Any]) -> dict[str, str]:
    """Where a container has each secret, and which it is."""
    given = (each if isinstance(each, dict) else {"source": each, "target": each} for each in service["secrets"])
    return {f"/run/secrets/{each['target']}": each["source"] for each in given}


def test_the_line_has_no_subscribers_until_it_is_given_the_file_of_them() -> None:
    assert "compose.subscribers.yaml" not in (FOLDER / ".env").read_text()
    for name, service in file()["services"].items():
        assert "PUENTE_SUBSCRIBERS" not in service.get("environment", {}), name


def test_the_file_of_subscribers_is_valid_too_and_adds_to_the_deliverer_alone(compose_schema: dict[str, Any]) -> None:
    jsonschema.validate(subscribers(), compose_schema)
    assert list(subscribers()["services"]) == ["deliver"]
    added, before = subscribers()["services"]["deliver"], file()["services"]["deliver"]
    assert not added["environment"].keys() & before["environment"].keys()
    assert set(before["secrets"]) <= set(mounted(added).values()), "a broken merge would take the broker's away"
    for name in set(mounted(added).values()) - set(before["secrets"]):
        assert subscribers()["secrets"][name] == {"file": f"./secrets/{name}"}
    assert not any("ports" in service for service in subscribers()["services"].values())


def test_the_deliverer_reads_the_example_file_with_the_secret_that_init_made(tmp_path: Path) -> None:
    secrets, container = tmp_path / "secrets", tmp_path / "run"
    made = compose_secrets.make(secrets)
    shutil.copy(ROOT / "docs" / "examples" / "subscribers" / "subscribers.toml", secrets)
    container.mkdir()
    service = subscribers()["services"]["deliver"]
    for there, name in mounted(service).items():
        assert name in made or name == "subscribers.toml"
        shutil.copy(secrets / name, container / Path(there).name)
    environment = {**file()["services"]["deliver"]["environment"], **service["environment"]}
    settings = load({name: text.replace("/run/secrets", str(container)) for name, text in environment.items()})
    assert settings.subscribers is not None
    webhooks = subscribers_file.load(settings.subscribers, settings.audience_names)
    assert [webhook.name for webhook in webhooks] == ["cbp-desk", "cold-chain"]
    assert {webhook.secret for webhook in webhooks} == {(secrets / "webhook_secret").read_text()}


# -- passwords ---------------------------------------------------------------------------------------------------


def test_passwords_are_made_once_each_of_its_own_and_no_neighbour_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = compose_secrets.make(folder)
    assert set(file()["secrets"]) <= set(made)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    texts = {name: (folder / name).read_text() for name in made}
    assert len(set(texts.values())) == len(made)
    assert all(len(text) >= 40 for text in texts.values())
    assert compose_secrets.make(folder) == []
    assert {name: (folder / name).read_text() for name in made} == texts


def test_a_folder_and_files_that_were_there_before_get_the_same_rights(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o755)
    for name, mode in (("influx_token", 0o600), ("grafana_admin_password", 0o666), ("subscribers.toml", 0o640)):
        (folder / name).write_text("mine")
        (folder / name).chmod(mode)
    made = compose_secrets.make(folder)
    rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert rights.pop("secrets") == 0o700
    assert rights.pop("subscribers.toml") == 0o640, "it is none of ours"
    assert set(rights.values()) == {0o644}
    assert not {"influx_token", "grafana_admin_password"} & set(made)
    assert (folder / "influx_token").read_text() == "mine"


@pytest.mark.parametrize("page", [ROOT / "README.md", FOLDER / "compose.yaml"], ids=lambda page: page.name)
def test_the_folder_of_passwords_is_made_before_anything_binds_it(page: Path) -> None:
    text = page.read_text()
    steps = [line for line in text.splitlines() if re.search(r"^\W*(mkdir|docker compose (run|up))", line)]
    assert "mkdir -p secrets && docker compose run" in steps[0]


def test_a_clone_has_that_folder_with_nothing_in_it() -> None:
    (bound,) = file()["services"]["init"]["volumes"]
    kept = (FOLDER / bound.partition(":")[0] / ".keep").relative_to(ROOT)
    rules = (ROOT / ".gitignore").read_text().splitlines()
    assert (ROOT / kept).is_file()
    assert {f"{kept.parent}/*", f"!{kept}"} <= set(rules)


def test_grafana_has_no_token_that_may_write() -> None:
    services = file()["services"]
    assert set(services["grafana"]["secrets"]) == {"grafana_admin_password", "grafana_influx_password"}
    command = services["boards"]["command"]
    assert "$$__file{/run/secrets/grafana_influx_password}" in command
    assert command[command.index("--login") + 1] == READER


def test_a_password_made_anew_goes_to_the_broker_too_and_users_that_people_added_stay(tmp_path: Path) -> None:
    compose_secrets.make(tmp_path)
    users = tmp_path / "mosquitto_passwords"
    users.write_text(users.read_text() + f"CRDN:{mosquitto_hash('own')}\n")
    before = dict(line.split(":", 1) for line in users.read_text().splitlines())
    (tmp_path / "mqtt_device_password").unlink()
    assert compose_secrets.make(tmp_path) == ["mqtt_device_password", "mosquitto_passwords"]
    after = dict(line.split(":", 1) for line in users.read_text().splitlines())
    assert {user for user in before if before[user] != after[user]} == {"device"}
    assert set(after) == {"CRDN", "gateway", "device", "subscriber"}


# -- by hand, on local servers -------------------------------------------------------------------------------------


@pytest.fixture
def broker(mosquitto: Path, tmp_path: Path) -> Iterator[tuple[int, Child]]:
    """mosquitto with the compose line's own configuration and passwords; its port and process."""
    compose_secrets.make(tmp_path / "secrets")
    data, port = tmp_path / "data", free_port()
    data.mkdir()
    text = (FOLDER / "mosquitto.conf").read_text()
    for there, here in (
        ("listener 1883", f"listener {port} 127.0.0.1"),
        ("/run/secrets/", f"{tmp_path}/secrets/"),
        ("/mosquitto/config/access", str(FOLDER / "mosquitto.access")),
        ("/mosquitto/data/", f"{data}/"),
    ):
        assert there in text
        text = text.replace(there, here)
    (tmp_path / "mosquitto.conf").write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
    child = Child("mosquitto", [str(mosquitto), "-c", str(tmp_path / "mosquitto.conf")], log=tmp_path / "mosquitto.log")
    try:
        child.wait_until(lambda: answers("127.0.0.1", port), PATIENCE_S)
        yield port, child
    finally:
        child.stop()


def heard(port: int, gateway: str, user: str, password: str, topic: str) -> bool:
    """Whether a subscriber who may hear everything hears what this user publishes there, before what comes after it."""
    came: list[str] = []
    subscribed, done = threading.Event(), threading.Event()

    def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        came.append(message.topic)
        if message.topic == "the/end":
            done.set()

    hearing = paho.Client(paho.CallbackAPIVersion.VERSION2)
    hearing.username_pw_set("gateway", gateway)
    hearing.on_connect = lambda client, *_: client.subscribe("#", 1)
    hearing.on_subscribe = lambda *_: subscribed.set()
    hearing.on_message = on_message
    hearing.connect("127.0.0.1", port)
    hearing.loop_start()
    try:
        assert subscribed.wait(PATIENCE_S)
        pub = ["mosquitto_pub", "-p", str(port), "-u", user, "-P", password, "-q", "1", "-t", topic, "-m", "x"]
        subprocess.run(pub, capture_output=True, timeout=PATIENCE_S, check=False)
        hearing.publish("the/end", b"", 1)
        assert done.wait(PATIENCE_S)
    finally:
        hearing.disconnect()
        hearing.loop_stop()
    return topic in came


@pytest.mark.mqtt
def test_the_broker_lets_a_carrier_speak_for_itself_alone_and_a_phone_too(
    broker: tuple[int, Child], client_program: Callable[[str], str], tmp_path: Path
) -> None:
    assert client_program("mosquitto_pub")
    users = tmp_path / "secrets" / "mosquitto_passwords"
    gateway = (tmp_path / "secrets" / "mqtt_gateway_password").read_text()
    users.write_text(users.read_text() + "".join(f"{u}:{mosquitto_hash('own')}\n" for u in ("CRDN", "jaime")))
    port, server = broker
    os.kill(server.pid, signal.SIGHUP)  # mosquitto reads its password file anew, when it comes to it
    end = time.monotonic() + PATIENCE_S
    while not heard(port, gateway, "CRDN", "own", "v1/CRDN/TRK-1/readings"):
        assert time.monotonic() < end, "a user who was added is not let in"
    assert heard(port, gateway, "jaime", "own", "owntracks/jaime/pixel/event")
    assert not heard(port, gateway, "CRDN", "own", "v1/SWFT/TRK-1/readings")
    assert not heard(port, gateway, "jaime", "own", "owntracks/kiko/pixel")
    assert not heard(port, gateway, "CRDN", "wrong", "v1/CRDN/TRK-1/readings")


@pytest.mark.kafka
@pytest.mark.mqtt
@pytest.mark.influx
def test_each_service_works_when_started_by_hand_with_its_command_and_environment(
    broker: tuple[int, Child],
    kafka_factory: Callable[[], LocalKafka],
    influx_factory: Callable[[], LocalInflux],
    tmp_path: Path,
) -> None:
    kafka, influx = kafka_factory(), influx_factory()
    places = {
        "kafka:9092": kafka.bootstrap,
        "mqtt:1883": f"127.0.0.1:{broker[0]}",
        "influx:8086": f"127.0.0.1:{influx.port}",
        "/run/secrets/": f"{tmp_path}/secrets/",
        "0.0.0.0": "127.0.0.1",
    }
    (tmp_path / "secrets" / "influx_token").write_text(influx.token)

    def environment(service: str) -> dict[str, str]:
        found = {}
        for name, text in file()["services"][service]["environment"].items():
            here = reduce(lambda so_far, place: so_far.replace(*place), places.items(), text)
            found[name] = str(ports[service]) if name == "PUENTE_HEALTH_PORT" else here
        return found

    def command(service: str, *more: str) -> list[str]:
        wanted = file()["services"][service].get("command") or file()["services"][service]["entrypoint"][1:]
        return [sys.executable, "-m", "deploy.cli", *wanted, *more]

    ports = {service: free_port() for service in SERVICES}
    outside = {k: v for k, v in os.environ.items() if not k.startswith("PUENTE_")}
    once = subprocess.run(
        command("topics"), env={**outside, **environment("topics")}, capture_output=True, text=True, check=False
    )
    assert once.returncode == 0, once.stderr
    assert topics.READINGS in once.stdout
    reader = [part.replace("/run/secrets", str(tmp_path / "secrets")) for part in command("reader")]
    for said in ("made", "set"):  # it runs at every `up`
        done = subprocess.run(
            reader, env={**outside, **environment("reader")}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, said in done.stdout) == (0, True), done.stderr
    boards = [part.replace("/etc/grafana/provisioning", str(tmp_path)).replace("$$", "$") for part in command("boards")]
    once = subprocess.run(boards, env={**outside, **environment("boards")}, capture_output=True, text=True, check=False)
    assert once.returncode == 0, once.stderr
    (source,) = yaml.safe_load((tmp_path / "datasources" / "puente.yaml").read_text())["datasources"]
    assert source["url"] == influx.url
    assert (source["basicAuth"], source["basicAuthUser"]) == (True, READER)
    assert source["secureJsonData"] == {"basicAuthPassword": "$__file{/run/secrets/grafana_influx_password}"}
    assert "Token" not in json.dumps(source)
    assert list((tmp_path / "boards").glob("*/*.json"))
    with ExitStack() as stack:
        for service in ("gateway", "worker", "sink", "deliver"):
            child = Child(
                service, command(service), log=tmp_path / f"{service}.log", env={**outside, **environment(service)}
            )
            stack.callback(child.stop)
        settings: Settings = load(environment("gateway"))
        wait_ready(settings, timeout_s=PATIENCE_S)
        for service in ("gateway", "worker", "sink", "deliver"):
            check = file()["services"][service]["healthcheck"]["test"]
            assert check[:2] == ["CMD", "python"]
            text = check[3].replace("8080", str(ports[service]))
            _eventually_healthy([sys.executable, "-c", text], tmp_path / f"{service}.log")
        run = subprocess.run(
            command("simulate", "--for", "10s", "--shipments", "2", "--json"),
            env={**outside, **environment("simulate")}, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        receipted = json.loads(run.stdout)["held"]
        assert receipted > 0
        end = time.monotonic() + PATIENCE_S
        while run_apart(_identities(environment("sink"))) < receipted:  # Kafka's custody comes before the history's
            assert time.monotonic() < end, (tmp_path / "sink.log").read_text()[-2000:]
            time.sleep(0.5)


async def _identities(environ: dict[str, str]) -> int:
    from streams.sinks.open_history import open_history

    settings = load(environ)
    history = open_history(settings.history, token=settings.influx_token)
    try:
        return len(history.identities(0, 4_000_000_000_000))
    finally:
        history.close()


def _eventually_healthy(command: list[str], log: Path) -> None:
    for _ in range(240):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(1.0)
    pytest.fail(f"never healthy: {done.stderr[-300:]}\n{log.read_text()[-2000:]}")
