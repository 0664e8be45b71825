"""Read what somebody sends us, within bounds of size and of time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

MOST_BYTES = 4 * 1024**2
WITHIN_S = 30.0


class BodyRefused(Exception):  # noqa: N818 - reads as the answer
    """Say with which status and words a body is refused."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


async def read_body(request: Request) -> bytes:
    """Return the whole body; raises BodyRefused where it is too large, too slow, or breaks off."""
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and (len(said) > 9 or int(said) > MOST_BYTES):
        raise BodyRefused(413, f"more than {MOST_BYTES // 1024**2} MB at once")
    body = bytearray()
    try:
        async with asyncio.timeout(WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise BodyRefused(413, f"more than {MOST_BYTES // 1024**2} MB at once")
    except TimeoutError:
        raise BodyRefused(408, f"not whole within {WITHIN_S:g} s") from None
    except ClientDisconnect:
        raise BodyRefused(400, "broken off") from None
    return bytes(body)
