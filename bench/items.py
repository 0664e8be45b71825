"""Make news items for measuring: mostly ordinary news, some candidates, about 1.9 KB each on the wire."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime

from shared.events import NewsItem
from shared.headers import Trace, event_headers
from shared.ids import stable_id
from shared.publish import Outgoing
from shared.topics import NEWS
from tests.chaos.attacks import Attack

_WORDS = (
    "council budget harvest bridge minister festival river school museum market train strike weather election "
    "garden library football trade fishing valley winter library debate choir factory housing energy coast "
    "tourism police traffic concert science village mountain airport court drought painting theatre"
).split()


def ordinary(number: int, chance: random.Random, words: int = 190) -> NewsItem:
    """Return an item that no gate should pass."""
    text = " ".join(chance.choices(_WORDS, k=words)).capitalize() + "."
    return _item(f"ordinary-{number}", " ".join(chance.choices(_WORDS, k=8)).capitalize(), text)


def candidate(attack: Attack, run: str = "") -> NewsItem:
    """Return the item of an invented attack."""
    text = (
        f"{attack.hospital} confirmed that ransomware has encrypted its servers. The emergency department is closed "
        "and ambulances are diverted. Staff work with pen and paper, the hospital said in a statement."
    )
    return _item(f"attack-{run}-{attack.number}", attack.title, text)


def _item(name: str, title: str, text: str) -> NewsItem:
    entry = stable_id("bench", name)
    now = datetime.now(UTC)
    return NewsItem(
        id=NewsItem.make_id(entry, title, text),
        entry_id=entry,
        feed="https://bench.example/feed",
        source="Bench",
        url=f"https://bench.example/{name}",
        title=title,
        summary=text,
        language="en",
        published=now,
        first_seen=now,
    )


def message(item: NewsItem) -> Outgoing:
    """Return the message that ingest would publish."""
    headers = event_headers(
        item, event_id=item.id, source="ingest", time=item.first_seen, trace=Trace.start(item.entry_id)
    )
    return Outgoing(NEWS, item.key().encode(), item.model_dump_json(exclude_none=True).encode(), headers)


def mixture(count: int, share: float, towns: list[str], seed: int) -> Iterator[NewsItem]:
    """Yield `count` items of which `share` are candidates, evenly spread."""
    chance = random.Random(seed)
    every = round(1 / share) if share else 0
    for number in range(count):
        if every and number % every == 0:
            town = towns[(number // every) % len(towns)]
            yield candidate(Attack(number, town, datetime.now(UTC)), f"mix{share}")
        else:
            yield ordinary(number, chance)
