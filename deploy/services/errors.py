"""What can go wrong with a server, in sentences that say what to do."""

from __future__ import annotations

from deploy.said import SpokenError


class ServiceError(Exception):
    """A server that is needed is not there. The message says which, why, and what would help."""


class ServiceMissingError(ServiceError):
    """The server's program was not found and could not be had."""


class KafkaMissingError(SpokenError, ServiceMissingError):
    """No Kafka answers, or it lacks a topic; said in the reader's language."""


class ServiceFailedError(ServiceError):
    """The server's program was found, but it did not start, did not answer, or stopped."""


class DownloadError(ServiceMissingError):
    """What a server is made of could not be downloaded, or was not what was expected."""
