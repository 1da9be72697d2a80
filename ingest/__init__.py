"""From MQTT to Kafka: what devices send is judged, gathered into frames, and acknowledged once Kafka holds it.

Pure, no broker and no clock inside:

- ``refusals``: a line that goes no further, and the reason; ``json_checks``: what is wrong with a line of JSON
- ``decoders``: one file a device family, found by topic; ``admission``: judges a whole message, line by line
- ``status``: judges a device's last will
- ``framing``: gathers lines into frames, a frame a partition; ``custody``: what is not yet held, in order of arrival
- ``receipts``: what each device is answered; ``counters``: what was done so far

Shells: ``mqtt_link`` (paho on asyncio; ``mqtt_client``, ``lean_client``: its client), ``kafka_outbox`` (aiokafka, in
order, for as long as it takes), and ``gateway``, which joins them as ``gateway_config`` says.
"""
