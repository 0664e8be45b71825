"""Make the event that tells of an entry, small enough for the topic."""

from __future__ import annotations

from services.ingest.conclude import FeedState
from services.ingest.decide import Decision
from services.ingest.parsing.clean import fit
from shared.events import NewsItem
from shared.headers import Trace
from shared.outbox import outbox_row
from shared.topics import NEWS

# Together, as UTF-8 in JSON, well under `MAX_MESSAGE_BYTES` with all else that an item carries.
TITLE_BYTES = 12_000
SUMMARY_BYTES = 100_000
TEXT_BYTES = 115_000


def make_item(
    state: FeedState, title: str, language: str | None, decision: Decision, story: str | None = None
) -> NewsItem:
    """Describe one decided entry of a feed with this title and language.

    What the person configured wins over what the feed says of itself.
    """
    entry = decision.candidate.entry
    config = state.config
    return NewsItem(
        id=NewsItem.make_id(decision.candidate.entry_id, decision.candidate.content_hash),
        entry_id=decision.candidate.entry_id,
        feed=config.url,
        source=config.name or title or config.label,
        url=entry.url,
        title=fit(entry.title, TITLE_BYTES),
        summary=fit(entry.summary, SUMMARY_BYTES),
        text=fit(entry.text, TEXT_BYTES),
        language=config.language or entry.language or language,
        country=config.country,
        claims_by_attackers=config.claims_by_attackers or config.trust == "attackers",
        official=config.trust == "official",
        published=entry.published,
        first_seen=decision.first_seen,
        revision=decision.revision,
        arrival=decision.arrival,
        story=story,
    )


def news_row(item: NewsItem) -> dict[str, object]:
    """Write an item for the outbox; an entry and its revisions share one trace."""
    return outbox_row(
        NEWS, item, event_id=item.id, source="ingest", time=item.first_seen, trace=Trace.start(item.entry_id)
    )
