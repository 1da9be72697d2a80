"""Alerts from Kafka, from the oldest that is kept. Needs: pip install aiokafka

python alerts_from_kafka.py 127.0.0.1:9092 us
"""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer


async def main(kafka: str, audience: str) -> None:
    # With a group, Kafka remembers how far you have read: stop, start again, and miss nothing.
    alerts = AIOKafkaConsumer(
        f"alerts.{audience}.v1",
        bootstrap_servers=kafka,
        group_id=f"example-{audience}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    newest: dict[str, int] = {}  # by alert: the revision seen last. One seen before is a repeat
    await alerts.start()
    try:
        async for record in alerts:
            alert = json.loads(record.value)
            if alert["revision"] > newest.get(alert["alert_id"], 0):
                newest[alert["alert_id"]] = alert["revision"]
                print(alert["state"], alert["severity"], alert["rule"], alert["messages"]["en"], flush=True)
            await alerts.commit()  # only after it is dealt with
    finally:
        await alerts.stop()


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
        sys.exit()
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        asyncio.run(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        pass
