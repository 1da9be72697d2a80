"""The servers a line needs, each had on a machine without Docker: started, waited for, stopped and killed by us.

- ``kafka``: Apache Kafka from its own jars; ``topics``: the line's topics on any Kafka
- ``mqtt``: mosquitto where it is installed, else amqtt
- ``influx``: InfluxDB where there is an ``influxd``
- ``stack``: all of them together, each found by a URL, on this machine, or embedded
- ``processes``, ``cache``: child processes that never outlive us; what was downloaded, and folders that clean up

Every server listens on 127.0.0.1 alone. Each is a context manager: inside it the server answers, after it is gone.
"""
