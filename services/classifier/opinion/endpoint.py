"""Ask an OpenAI-compatible endpoint about borderline items, where one is configured (docs/classifier.md).

Nothing waits for it beyond the batch's share of time and nothing fails with it: where it is absent, slow, resting or
talks nonsense, the rules' verdict stands. The key travels in the Authorization header alone.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence

import httpx2

from services.classifier.article import Article
from services.classifier.judgement import Judgement
from services.classifier.metrics import ENDPOINT, ENDPOINT_SECONDS
from services.classifier.opinion.breaker import Breaker, Rate
from services.classifier.opinion.question import (
    NonsenseError,
    is_borderline,
    messages,
    read_answer,
    reconsidered,
    speaks_to_a_model,
)
from services.classifier.opinion.settings import Configured
from shared.log import get_logger

MOST_TOGETHER = 8
_LARGEST_ANSWER = 256 * 1024
_LEAST_SECONDS = 0.1
log = get_logger()


class Endpoint:
    """Ask one endpoint; `aclose` when done."""

    def __init__(self, how: Configured, clock: Callable[[], float] = time.monotonic) -> None:
        self.how = how
        self._clock = clock
        self._breaker = Breaker()
        self._rate = Rate(how.per_minute)
        key = how.key.get_secret_value()
        # No proxy, no netrc, no redirect: the text and the key go to the address that was configured, or nowhere.
        self._client = httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=how.within_s,
            trust_env=False,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=MOST_TOGETHER),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def reconsider(self, judged: Sequence[tuple[Article, Judgement]], within_s: float) -> list[Judgement]:
        """Return the judgements, those of borderline items with the endpoint's word, where it came in time."""
        concluded = [judgement for _, judgement in judged]
        asked: dict[int, asyncio.Task[bool | None]] = {}
        limit = min(within_s, self.how.within_s)
        async with asyncio.TaskGroup() as group:
            for place, (article, judgement) in enumerate(judged):
                if not is_borderline(judgement, self.how.band):
                    continue
                if refusal := self._refuses(article, len(asked), limit):
                    ENDPOINT.labels(refusal).inc()
                    continue
                asked[place] = group.create_task(self._ask(article, limit))
        for place, task in asked.items():
            if (incident := task.result()) is not None:
                concluded[place] = await asyncio.to_thread(self._heard, *judged[place], incident)
        return concluded

    def _heard(self, article: Article, judgement: Judgement, incident: bool) -> Judgement:
        try:
            heard = reconsidered(article, judgement, incident, self.how.model)
        except Exception as error:  # a fault of ours must not cost the batch what the rules have judged
            log.error("the endpoint's answer could not be taken", fault=f"{type(error).__name__}: {error}", show=True)
            ENDPOINT.labels("failed").inc()
            return judgement
        ENDPOINT.labels("moved" if heard.incident != judgement.incident else "agreed").inc()
        return heard

    def _refuses(self, article: Article, under_way: int, limit: float) -> str:
        now = self._clock()
        if limit < _LEAST_SECONDS:
            return "no time left"
        if under_way >= min(MOST_TOGETHER, self._breaker.may_ask(now)):
            return "resting" if self._breaker.resting(now) else "too many at once"
        if speaks_to_a_model(article):
            return "speaks to a model"
        return "" if self._rate.take(now) else "over the rate"

    async def _ask(self, article: Article, limit: float) -> bool | None:
        """Ask about one item; whatever goes wrong is counted and logged without a word of key or answer."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                token = secrets.token_hex(8)
                incident = read_answer(await self._post(messages(article, token)), token)
            self._breaker.answered()
            if incident is None:
                ENDPOINT.labels("unsure").inc()
            return incident
        except (TimeoutError, httpx2.TimeoutException):
            self._failed("late", f"no answer within {limit:.1f} s")
        except NonsenseError as error:
            self._failed("nonsense", str(error))
        except Exception as error:  # whatever a client raises, the rules' verdict stands
            self._failed("failed", str(error) if isinstance(error, _RefusedError) else type(error).__name__)
        finally:
            ENDPOINT_SECONDS.observe(time.monotonic() - began)
        return None

    async def _post(self, told: list[dict[str, str]]) -> bytes:
        body = {**self.how.options, "model": self.how.model, "messages": told, "stream": False}
        answer = bytearray()
        async with self._client.stream("POST", self.how.url, json=body) as response:
            if response.status_code != 200:
                raise _RefusedError(f"answered {response.status_code}")
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > _LARGEST_ANSWER:
                    raise NonsenseError("an answer without end")
        return bytes(answer)

    def _failed(self, outcome: str, problem: str) -> None:
        ENDPOINT.labels(outcome).inc()
        rest = self._breaker.failed(self._clock())
        if rest:
            log.warning("the judge's endpoint rests", problem=problem, seconds=rest, show=True)


class _RefusedError(Exception):
    """Say with which status an endpoint refused."""
