"""The line's topics on any Kafka: makes what is missing, and refuses a topic that was made otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from contracts import topics
from deploy.services.errors import ServiceError, ServiceMissingError
from deploy.services.kafka import run_apart

_TIMEOUT_MS: Final = 30_000


class TopicMismatchError(ServiceError):
    """A topic exists with another partition count than the line's. Keys would change their partition."""


def create_topics(bootstrap: str, partitions: int, audiences: Sequence[str], replication: int = 1) -> list[str]:
    """Make every topic of the table that is not there; returns their names. Does nothing to those that are.

    Raises TopicMismatchError where one has another partition count, ServiceMissingError where no Kafka answers.
    """
    return run_apart(_create(bootstrap, topics.table(tuple(audiences)), partitions, replication))


async def _create(bootstrap: str, table: Sequence[topics.Topic], partitions: int, replication: int) -> list[str]:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic
    from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=_TIMEOUT_MS)
    try:
        await admin.start()
    except KafkaConnectionError as error:
        await admin.close()
        raise ServiceMissingError(f"no Kafka answers at {bootstrap}: start one, or correct PUENTE_KAFKA") from error
    try:
        wanted = {topic.name: topic for topic in table}
        there = set(await admin.list_topics())
        held = await admin.describe_topics([name for name in wanted if name in there])
        _check({t["topic"]: len(t["partitions"]) for t in held if t["topic"] in wanted}, wanted, partitions)
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
    finally:
        await admin.close()


def _check(held: dict[str, int], wanted: dict[str, topics.Topic], partitions: int) -> None:
    wrong = [
        f"{name} has {count}, not {wanted[name].partitions or partitions}"
        for name, count in sorted(held.items())
        if count != (wanted[name].partitions or partitions)
    ]
    if wrong:
        raise TopicMismatchError(
            f"topics exist with other partition counts ({'; '.join(wrong)}): set PUENTE_PARTITIONS to what they have, "
            "or use another Kafka; a key must never change its partition"
        )


def _config(topic: topics.Topic) -> dict[str, str]:
    kept = {"cleanup.policy": "compact"} if topic.compacted else {"retention.ms": str(topic.retention_ms)}
    return {**kept, **topic.config}
