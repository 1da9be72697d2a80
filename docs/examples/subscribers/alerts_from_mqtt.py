"""Alerts by MQTT: first those that are open now, then each as it comes. Needs: pip install paho-mqtt

python alerts_from_mqtt.py HOST PORT USER PASSWORD_FILE 'alerts/us/critical/#'
"""

import json
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def on_message(_client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
    _, audience, severity, rule, alert_id = message.topic.split("/")
    if not message.payload:
        print("gone", rule, alert_id, flush=True)  # it is closed, and taken off the board
        return
    alert = json.loads(message.payload)
    since = "open already" if message.retain else alert["state"]
    print(since, audience, severity, rule, alert["messages"]["en"], flush=True)


def main(host: str, port: str, user: str, password_file: str, topic: str) -> None:
    # A fixed id and a kept session: what comes while you are away waits for you at the broker.
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="example-subscriber", clean_session=False)
    client.username_pw_set(user, Path(password_file).read_text().strip())
    client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
    client.on_message = on_message
    client.connect(host, int(port))
    client.loop_forever()


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
        sys.exit()
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
