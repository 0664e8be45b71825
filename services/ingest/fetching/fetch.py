"""Fetch one address as a publisher likes it, within limits that an attacker cannot stretch.

Both validators are sent byte for byte as they were received, and only to the address that
gave them. Redirects are followed one by one, each checked as the first was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import h11
import httpx2
from ssrfguard import Policy, SSRFGuardError

from services.ingest.fetching.addresses import make_policy
from services.ingest.fetching.connections import Connections, Opened, Origin, Unreachable
from services.ingest.fetching.inflate import ACCEPTED, Inflater, TooLarge, Undecodable
from services.ingest.fetching.link_header import link_of

MAX_BODY = 16 * 1024**2
"""Bytes of one answer, unpacked."""
WITHIN_S = 60.0
"""Seconds for everything: look-up, redirects, the last byte."""
MAX_REDIRECTS = 5
MAX_VALIDATOR = 2_000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_PASSED_OVER = 16 * 1024
_FOUND = frozenset({200, 203, 206})
"""Answers whose body is what was asked for."""
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml;q=0.9, application/xml;q=0.8, "
    "text/xml;q=0.8, */*;q=0.5"
)


@dataclass(frozen=True)
class Validators:
    """What a publisher gave us to ask "anything new?" with, and the address that gave it."""

    etag: str | None = None
    last_modified: str | None = None
    url: str | None = None

    def headers(self, url: str) -> list[tuple[bytes, bytes]]:
        """Return the conditional headers for `url`: none where another address gave the validators."""
        if url != self.url:
            return []
        pairs = [(b"If-None-Match", self.etag), (b"If-Modified-Since", self.last_modified)]
        return [(name, value.encode("latin-1")) for name, value in pairs if value]


@dataclass(frozen=True)
class Wishes:
    """What a person configured for one address beside it."""

    headers: tuple[tuple[str, str], ...] = ()
    """Sent to the address's own origin only, never along a redirect to another."""
    proxy: str | None = None
    max_body: int | None = None
    within_s: float | None = None
    accept: str = _ACCEPT


@dataclass(frozen=True)
class Fetched:
    """An answer, or `error`: why there is none."""

    url: str
    final_url: str
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case, values byte for byte (Latin-1)."""
    body: bytes = b""
    cut_short: bool = False
    """The connection or the packing ended early: read what there is, but keep no validators."""
    moved_to: str | None = None
    """Where permanent redirects, from the first on, led."""
    redirects: int = 0
    seconds: float = 0.0
    error: str | None = None

    @property
    def hub(self) -> str | None:
        """The WebSub hub that the Link header names."""
        return link_of(self.headers.get("link", ""), "hub", self.final_url)

    @property
    def topic(self) -> str | None:
        """The address to subscribe to that the Link header names."""
        return link_of(self.headers.get("link", ""), "self", self.final_url)

    def validators(self) -> Validators:
        """Return the validators of this answer, those that it has and no others."""
        kept = [self.headers.get(name) for name in ("etag", "last-modified")]
        etag, modified = (value if value and len(value) <= MAX_VALIDATOR else None for value in kept)
        return Validators(etag, modified, self.final_url)


class Fetcher:
    """Fetch with one policy on private addresses; `aclose` when done."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        user_agent: str,
        connections: int = 16,
        max_body: int = MAX_BODY,
        within_s: float = WITHIN_S,
        any_status: bool = False,
    ) -> None:
        """Prepare; with `any_status` the bodies of refusals are read, too."""
        policy = policy or make_policy()
        self.user_agent = user_agent
        self._policy = policy
        self._max_body = max_body
        self._within_s = within_s
        self._any_status = any_status
        # No cookie is ever kept: one feed's must not follow us to the next.
        self._connections = Connections(policy, connections)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connections.aclose()

    async def fetch(self, url: str, validators: Validators | None = None, wishes: Wishes | None = None) -> Fetched:
        """Fetch `url`; whatever goes wrong is told in `error`, in words, never raised."""
        hop, wishes = _Hop(url), wishes or Wishes()
        return await self._in_words(hop, wishes, self._follow(hop, validators or Validators(), wishes))

    async def post(self, url: str, form: bytes, wishes: Wishes | None = None) -> Fetched:
        """Post a form to `url`, within the same bounds; no redirect is followed. It may be sent twice."""
        hop, wishes = _Hop(url), wishes or Wishes()
        return await self._in_words(hop, wishes, self._post(hop, form, wishes))

    async def _in_words(self, hop: _Hop, wishes: Wishes, asking: Coroutine[Any, Any, Fetched]) -> Fetched:
        started = time.monotonic()
        within_s = wishes.within_s or self._within_s
        try:
            async with asyncio.timeout(within_s):
                answer = await asking
        except TimeoutError:
            answer = hop.failed(f"no whole answer within {within_s:g} s")
        except SSRFGuardError as refused:
            answer = hop.failed(f"refused: {refused}")
        except TooLarge as error:
            answer = hop.failed(f"larger than {error} once unpacked")
        except Undecodable as error:
            answer = hop.failed(str(error))
        except (Unreachable, OSError) as error:
            answer = hop.failed(str(error) or type(error).__name__)
        except (h11.LocalProtocolError, httpx2.InvalidURL, ValueError, UnicodeError) as error:
            answer = hop.failed(f"not an address that can be fetched: {error}")
        return replace(answer, seconds=round(time.monotonic() - started, 3))

    async def _follow(self, hop: _Hop, validators: Validators, wishes: Wishes) -> Fetched:
        first: Origin | None = None
        while True:
            url, origin, target = self._aim(hop.url, wishes)
            first = first or origin
            own = wishes.headers if origin == first else ()
            headers = [
                *self._about_us(url),
                (b"Accept", wishes.accept.encode()),
                (b"Accept-Encoding", ACCEPTED.encode()),
                *((name.encode("latin-1"), value.encode("latin-1")) for name, value in own),
                *validators.headers(hop.url),
            ]
            async with self._connections.ask(origin, target, headers) as (head, connection):
                location = _location(head)
                if head.status_code not in _REDIRECTS or not location:
                    return await self._read(hop, head, connection, wishes.max_body or self._max_body)
                await self._pass_over(connection)
            if hop.count >= MAX_REDIRECTS:
                return hop.failed(f"more than {MAX_REDIRECTS} redirects", head.status_code)
            joined = url.join(location.strip()).copy_with(fragment=None)
            hop.go(str(joined), permanent=head.status_code in _PERMANENT)

    def _aim(self, address: str, wishes: Wishes) -> tuple[httpx2.URL, Origin, bytes]:
        """Check an address, and say where its connection leads and what is asked for there."""
        self._policy.check_url(address)
        url = _parsed(address)
        host = url.raw_host.decode("ascii").strip("[]")
        origin = Origin(url.scheme, host, url.port or (443 if url.scheme == "https" else 80), wishes.proxy)
        through = b"http://" + url.netloc if wishes.proxy and url.scheme == "http" else b""
        return url, origin, through + url.raw_path

    def _about_us(self, url: httpx2.URL) -> list[tuple[bytes, bytes]]:
        return [(b"Host", url.netloc), (b"User-Agent", self.user_agent.encode("ascii", "replace"))]

    async def _post(self, hop: _Hop, form: bytes, wishes: Wishes) -> Fetched:
        url, origin, target = self._aim(hop.url, wishes)
        headers = [
            *self._about_us(url),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
            (b"Content-Length", str(len(form)).encode()),
        ]
        async with self._connections.ask(origin, target, headers, form) as (head, connection):
            await self._pass_over(connection)
        return Fetched(url=hop.first, final_url=hop.url, status=head.status_code)

    async def _read(self, hop: _Hop, head: h11.Response, connection: Opened, max_body: int) -> Fetched:
        headers: dict[str, str] = {}
        for name, value in head.headers:
            # The first of a repeated header counts, as in most readers. Names are in lower case.
            key, text = name.decode("latin-1"), value.decode("latin-1")
            if key == "link" and key in headers:
                headers[key] = f"{headers[key]}, {text}"
            headers.setdefault(key, text)
        body, cut_short = b"", False
        if head.status_code in _FOUND or (self._any_status and head.status_code != 304):
            inflater = Inflater(headers.get("content-encoding", ""), max_body)
            try:
                async for chunk in connection.chunks():
                    inflater.feed(chunk)
            except Unreachable:
                cut_short = True
            body = inflater.finish()
            cut_short = cut_short or not inflater.whole
        else:
            await self._pass_over(connection)
        return Fetched(
            url=hop.first,
            final_url=hop.url,
            # The other two carry what was asked for as well: a proxy's word, and a whole range.
            status=200 if head.status_code in _FOUND else head.status_code,
            headers=headers,
            body=body,
            cut_short=cut_short,
            moved_to=hop.moved_to,
            redirects=hop.count,
        )

    async def _pass_over(self, connection: Opened) -> None:
        """Read a short body that nobody wants, so that the connection can be used again."""
        length = 0
        try:
            async for chunk in connection.chunks():
                length += len(chunk)
                if length > _PASSED_OVER:
                    return
        except Unreachable:
            return


@lru_cache(4_096)
def _parsed(url: str) -> httpx2.URL:
    """Take an address apart; the same feeds are asked again and again."""
    return httpx2.URL(url)


def _location(head: h11.Response) -> str:
    for name, value in head.headers:
        if name == b"location":
            try:
                return value.decode("utf-8")
            except UnicodeDecodeError:
                return value.decode("latin-1")
    return ""


class _Hop:
    """Where a chain of redirects stands."""

    def __init__(self, url: str) -> None:
        self.first = self.url = url
        self.count = 0
        self.moved_to: str | None = None
        self._all_permanent = True

    def go(self, url: str, *, permanent: bool) -> None:
        self.url = url
        self.count += 1
        self._all_permanent = self._all_permanent and permanent
        if self._all_permanent:
            self.moved_to = url

    def failed(self, error: str, status: int | None = None) -> Fetched:
        return Fetched(url=self.first, final_url=self.url, status=status, redirects=self.count, error=error[:500])
