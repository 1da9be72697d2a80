"""What every part of Puente agrees on: messages, topics, identities. The bottom layer.

Start here:

- ``readings``: what a device sends, and what it becomes once it is known whose it is
- ``frames``: many readings in one Kafka record; ticks, the line's own clock
- ``identifiers``: ISO 6346, UN/LOCODE, SCAC, pedimento, CBP entry and the names devices may bear
- ``reference``: routes, shipments, devices, seals, notices, each version with the time it took effect
- ``alerts``, ``events``: what the line finds; ``receipts``, ``deadletters``: what it answers and refuses
- ``topics``: the table of Kafka topics; ``partitioner``: which partition a key belongs to
- ``health``: what the line's processes say of themselves
- ``history``: the interface every history store keeps

Nothing here reads a clock, a socket or a file; nothing here imports another folder of ours.
"""
