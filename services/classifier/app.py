"""The classifier: reads news, judges what passes the gate, publishes reports."""

from __future__ import annotations

import asyncio

from services.classifier.article import Article
from services.classifier.handle import handler
from services.classifier.judge import judge
from shared.consume import Consumption
from shared.events import NewsItem
from shared.gate import gate
from shared.service import Runtime, serve
from shared.topics import NEWS

CONSUMPTION = Consumption(group="codegrey-classifier", topic=NEWS, event=NewsItem, max_records=500)


async def assemble(runtime: Runtime) -> None:
    """Load the lexicons before the first record arrives, then consume."""
    await asyncio.to_thread(_warm)
    runtime.consume(CONSUMPTION, handler(runtime.producer))


def _warm() -> None:
    gate("warm")
    judge(Article("warm", "Cyberattack on a hospital", ""))


def main() -> int:
    """Run the classifier until it is stopped."""
    return serve("classifier", assemble)
