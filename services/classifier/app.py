"""The classifier: reads news, judges what passes the gate, publishes reports."""

from __future__ import annotations

import asyncio

from services.classifier.article import Article
from services.classifier.handle import handler
from services.classifier.judge import Vectors, judge
from services.classifier.opinion.endpoint import Endpoint
from services.classifier.opinion.settings import configured
from services.classifier.vectors import load_vectors
from shared.consume import Consumption
from shared.events import NewsItem
from shared.gate import gate
from shared.log import get_logger
from shared.service import Runtime, serve
from shared.topics import NEWS

log = get_logger()
CONSUMPTION = Consumption(group="codegrey-classifier", topic=NEWS, event=NewsItem, max_records=2_000)


async def assemble(runtime: Runtime) -> None:
    """Load the lexicons and the vectors before the first record arrives, then consume."""
    how = configured(runtime.settings)
    endpoint = Endpoint(how) if how else None
    vectors = await asyncio.to_thread(warm)
    runtime.consume(CONSUMPTION, handler(runtime.producer, vectors, endpoint))


def warm() -> Vectors | None:
    """Load what the first candidate would wait for; return the vectors, or None where they cannot be had."""
    gate("warm")
    judge(Article("warm", "Cyberattack on a hospital", ""))
    vectors, problem = load_vectors()
    if problem:
        log.warning("judging without sentence vectors", problem=problem)
    return vectors


def main() -> int:
    """Run the classifier until it is stopped."""
    return serve("classifier", assemble)
