"""Fetch one address as a publisher likes it, within limits that an attacker cannot stretch.

Both validators are sent byte for byte as they were received, and only to the address that
gave them. Redirects are followed one by one, each checked as the first was.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2
from ssrfguard import Policy, SSRFGuardError

from services.ingest.addresses import GuardedTransport, make_policy
from services.ingest.inflate import ACCEPTED, Inflater, TooLarge, Undecodable

MAX_BODY = 16 * 1024**2
"""Bytes of one answer, unpacked."""
WITHIN_S = 60.0
"""Seconds for everything: look-up, redirects, the last byte."""
MAX_REDIRECTS = 5
MAX_VALIDATOR = 2_000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PERMANENT = frozenset({301, 308})
_TIMEOUTS = httpx2.Timeout(20.0, connect=10.0, pool=WITHIN_S)
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
    ) -> None:
        policy = policy or make_policy()
        self.user_agent = user_agent
        self._policy = policy
        self._max_body = max_body
        self._within_s = within_s
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(policy, connections=connections),
            timeout=_TIMEOUTS,
            trust_env=False,
            # No cookie is ever kept: one feed's must not follow us to the next.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def fetch(self, url: str, validators: Validators | None = None) -> Fetched:
        """Fetch `url`; whatever goes wrong is told in `error`, in words, never raised."""
        started = time.monotonic()
        hop = _Hop(url)
        try:
            async with asyncio.timeout(self._within_s):
                answer = await self._follow(hop, validators or Validators())
        except TimeoutError:
            answer = hop.failed(f"no whole answer within {self._within_s:g} s")
        except SSRFGuardError as refused:
            answer = hop.failed(f"refused: {refused}")
        except TooLarge:
            answer = hop.failed(f"larger than {self._max_body // 1024**2 or 1} MB once unpacked")
        except Undecodable as error:
            answer = hop.failed(str(error))
        except httpx2.TimeoutException as error:
            answer = hop.failed(f"time-out ({type(error).__name__})")
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.CookieConflict) as error:
            answer = hop.failed(str(error) or type(error).__name__)
        except (ValueError, UnicodeError) as error:
            answer = hop.failed(f"not an address that can be fetched: {error}")
        return replace(answer, seconds=round(time.monotonic() - started, 3))

    async def _follow(self, hop: _Hop, validators: Validators) -> Fetched:
        while True:
            self._policy.check_url(hop.url)
            headers = [
                (b"User-Agent", self.user_agent.encode("ascii", "replace")),
                (b"Accept", _ACCEPT.encode()),
                (b"Accept-Encoding", ACCEPTED.encode()),
                *validators.headers(hop.url),
            ]
            request = self._client.build_request("GET", hop.url, headers=headers)
            response = await self._client.send(request, stream=True)
            try:
                target = response.headers.get("location")
                if response.status_code not in _REDIRECTS or not target:
                    return await self._read(hop, response)
            finally:
                await response.aclose()
            if hop.count >= MAX_REDIRECTS:
                return hop.failed(f"more than {MAX_REDIRECTS} redirects", response.status_code)
            joined = httpx2.URL(hop.url).join(target.strip()).copy_with(fragment=None)
            hop.go(str(joined), permanent=response.status_code in _PERMANENT)

    async def _read(self, hop: _Hop, response: httpx2.Response) -> Fetched:
        headers: dict[str, str] = {}
        for name, value in response.headers.raw:
            # The first of a repeated header counts, as in most readers.
            headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        body, cut_short = b"", False
        if response.status_code == 200:
            inflater = Inflater(headers.get("content-encoding", ""), self._max_body)
            try:
                async for chunk in response.aiter_raw():
                    inflater.feed(chunk)
            except (httpx2.RemoteProtocolError, httpx2.ReadError):
                cut_short = True
            body = inflater.finish()
            cut_short = cut_short or not inflater.whole
        return Fetched(
            url=hop.first,
            final_url=hop.url,
            status=response.status_code,
            headers=headers,
            body=body,
            cut_short=cut_short,
            moved_to=hop.moved_to,
            redirects=hop.count,
        )


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
