"""The line's topics on any Kafka: makes what is missing, and refuses a topic that was made otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from contracts import topics
from deploy.services.errors import KafkaMissingError, ServiceError
from deploy.services.kafka import run_apart
from deploy.settings import SettingsError
from streams.agents.started import started

_TIMEOUT_MS: Final = 30_000


class TopicMismatchError(SettingsError):
    """A topic exists with another partition count than the line's. Keys would change their partition."""

    def __init__(self, why: str) -> None:
        super().__init__("PUENTE_PARTITIONS", why)


def create_topics(bootstrap: str, partitions: int, audiences: Sequence[str], replication: int = 1) -> list[str]:
    """Make every topic of the table that is not there; returns their names. Does nothing to those that are.

    Raises TopicMismatchError where one has another partition count, ServiceMissingError where no Kafka answers.
    """
    return run_apart(_create(bootstrap, topics.table(tuple(audiences)), partitions, replication))


def check_topics(bootstrap: str, partitions: int, audiences: Sequence[str]) -> None:
    """Raises TopicMismatchError where a topic of the line is there with another partition count.

    Topics that are not there are nobody's fault yet: whoever needs one says so. Raises ServiceMissingError where no
    Kafka answers.
    """
    run_apart(_look(bootstrap, topics.table(tuple(audiences)), partitions))


async def _look(bootstrap: str, table: Sequence[topics.Topic], partitions: int) -> None:
    async with _admin(bootstrap) as admin:
        await _there(admin, table, partitions)


def cluster_of(bootstrap: str) -> str:
    """The id that this Kafka was given when it was made; empty where it says none. Raises ServiceMissingError."""
    return run_apart(_cluster(bootstrap))


async def _cluster(bootstrap: str) -> str:
    async with _admin(bootstrap) as admin:
        return (await admin.describe_cluster()).get("cluster_id") or ""


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[Any]:
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaConnectionError

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_TIMEOUT_MS)

    async def reach() -> None:
        try:
            await admin.start()
        except KafkaConnectionError as error:
            raise KafkaMissingError("no_kafka", at=bootstrap) from error

    async with started(reach, admin.close):
        yield admin


async def _there(admin: Any, table: Sequence[topics.Topic], partitions: int) -> set[str]:
    """The names of the topics that exist, once those of the table have been found right."""
    wanted = {topic.name: topic for topic in table}
    there = set(await admin.list_topics())
    held = await admin.describe_topics([name for name in wanted if name in there])
    _check({t["topic"]: len(t["partitions"]) for t in held if t["topic"] in wanted}, wanted, partitions)
    return there


async def _create(bootstrap: str, table: Sequence[topics.Topic], partitions: int, replication: int) -> list[str]:
    from aiokafka.admin import NewTopic
    from aiokafka.errors import TopicAlreadyExistsError, for_code

    async with _admin(bootstrap) as admin:
        there = await _there(admin, table, partitions)
        missing = [topic for topic in table if topic.name not in there]
        if not missing:
            return []
        answer = await admin.create_topics(
            [NewTopic(t.name, t.partitions or partitions, replication, topic_configs=_config(t)) for t in missing],
            timeout_ms=_TIMEOUT_MS,
        )
        for name, code, *rest in answer.topic_errors:
            # Another process that starts now may have made it between our look and here.
            if code not in (0, TopicAlreadyExistsError.errno):
                raise ServiceError(
                    f"Kafka did not make the topic {name}: {rest[0] if rest else for_code(code).__name__}"
                )
        return [topic.name for topic in missing]


def _check(held: dict[str, int], wanted: dict[str, topics.Topic], partitions: int) -> None:
    """The setting's own topics first: where it alone is wrong they all have one other count, which would be right."""
    by_setting = {name: count for name, count in held.items() if wanted[name].partitions is None}
    if wrong := {name: count for name, count in by_setting.items() if count != partitions}:
        first, there = min(wrong.items())
        alike = len(set(by_setting.values())) == 1
        right = f"set it to {there}" if alike else "make them anew, all with the same,"
        others = f", as {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise TopicMismatchError(
            f"is {partitions}, but {first} has {there} partitions in Kafka{others}: {right} or use another Kafka; "
            "a key must never change its partition"
        )
    for name, count in sorted(held.items()):
        if count != (fixed := wanted[name].partitions or partitions):
            raise TopicMismatchError(
                f"has no say in {name}, which has {count} partitions in Kafka and must have {fixed}: make it anew, "
                "or use another Kafka; a key must never change its partition"
            )


def _config(topic: topics.Topic) -> dict[str, str]:
    kept = {"cleanup.policy": "compact"} if topic.compacted else {"retention.ms": str(topic.retention_ms)}
    return {**kept, **topic.config}
