"""HTTP POST to a subscriber, once: no redirect is followed, no cookie kept, no proxy taken from the environment.

aiohttp is Faust's own dependency. Each subscriber has at most one request under way, so connections need no limit; with
one, a few dead subscribers would hold it and the others wait.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Self

import aiohttp

from streams.delivery import Webhook
from streams.delivery_retry import Answer

_ANSWER_BYTES: Final = 200  # of a refusal's body, for people


class Poster:
    """A context manager."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0), cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, webhook: Webhook, headers: dict[str, str], body: bytes) -> Answer:
        """One try. Never raises for what a receiver or a network does."""
        assert self._session is not None, "use it as a context manager"
        timeout = aiohttp.ClientTimeout(total=webhook.timeout_s)
        try:
            async with self._session.post(
                webhook.url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if 200 <= response.status < 300:
                    return Answer(response.status, "")
                said = (await response.content.read(_ANSWER_BYTES)).decode("utf-8", "replace").strip()
                moved = response.headers.get("Location")
                where = f", to {moved}, which is not followed" if moved else ""
                says = f"HTTP {response.status} {response.reason or ''}".strip() + where + (f": {said}" if said else "")
                return Answer(response.status, says, response.headers.get("Retry-After"))
        except TimeoutError:
            return Answer(None, f"no answer within {webhook.timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answer(None, f"{type(error).__name__}: {error}")
        except asyncio.IncompleteReadError:
            return Answer(None, "the connection broke")
