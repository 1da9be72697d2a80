"""The shells round the stages: Kafka in, Kafka out, checkpoints. Nothing is decided here.

- ``checkpoints``: a stage's state and covered offset, in one Kafka transaction on a compacted topic
- ``partition_runner``: one source partition: restore, skip what is covered, process, settle, checkpoint, acknowledge
- ``works``: what is done with a frame: a Kafka-to-Kafka stage, or a write to the history
- ``reference_reader``: the reference topic, read to its end before the first frame
- ``seeking_consumer``: Faust's Kafka consumer with a seek that holds
- ``worker_stages``: the stages as a worker's settings make them
- ``line_worker``: the Faust application of all stages; ``history_sink``: the sink's consumer
"""
