"""What a broker means that refuses a connection for who we are: waiting doesn't help, a person has to."""

from __future__ import annotations

from typing import Final

# MQTT 5's "bad user name or password" and "not authorized"; paho gives 3.1.1's the same numbers.
CREDENTIALS_REFUSED: Final = frozenset({0x86, 0x87})


class CredentialsRefusedError(Exception):
    """A broker that has not let us in once has refused our user name or password. The message is the broker's word."""
