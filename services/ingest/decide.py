"""Tell which entries of a feed are new, which were edited, and which are old: data in, reasons out.

There is never a "newest date" cursor: feeds publish late, back-date and reorder. An entry is
known by its id, and a version of it by a hash of its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from services.ingest.parsing.parsed import ParsedEntry, content_hash
from services.ingest.story.urls import canonical_url
from shared.events import Arrival
from shared.ids import stable_id

RECENT = timedelta(days=7)
"""Of a feed never read before, entries of this age are taken."""
UNDATED_TAKEN = 20
"""And so many of those that carry no date, in the feed's order."""
CATCH_UP_AFTER = timedelta(days=1)
_AHEAD = timedelta(days=1)
"""A date further in the future than this is a mistake of the publisher."""


class Ids(StrEnum):
    """Why the ids of a feed's entries cannot be believed."""

    CHANGING = "changing"
    SHARED = "shared"


class Verdict(StrEnum):
    """What an entry is to us."""

    NEW = "new"
    REVISED = "revised"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Known:
    """What is stored of an entry: its newest revision and the hashes of all of them."""

    entry_id: str
    revision: int
    hashes: frozenset[str]
    first_seen: datetime
    story: str | None = None


@dataclass(frozen=True)
class Twin:
    """What would show that a new id hides an old entry: same feed, link, date and words."""

    url: str | None
    published: datetime | None
    content_hash: str


@dataclass(frozen=True)
class Candidate:
    """A parsed entry with its identity."""

    entry: ParsedEntry
    entry_id: str
    content_hash: str

    def twin(self) -> Twin:
        """Return what it would share with itself under another id."""
        return Twin(self.entry.url, self.entry.published, self.content_hash)


@dataclass(frozen=True)
class Decision:
    """What becomes of one entry, and why."""

    candidate: Candidate
    verdict: Verdict
    reason: str
    revision: int
    arrival: Arrival
    first_seen: datetime
    story: str | None = None
    """The entry of another feed that told the same story first, where that is known from before."""

    @property
    def published(self) -> bool:
        """Whether it goes on to the classifier."""
        return self.verdict in {Verdict.NEW, Verdict.REVISED}


def identify(feed: str, entries: Iterable[ParsedEntry], now: datetime) -> list[Candidate]:
    """Give each entry its id; entries that share a guid but not their link get ids of their own.

    Plain repeats count once, and an entry with nothing to know it by is left out. Dates more
    than a day ahead of `now` are dropped: they would make old news look new.
    """
    entries = [entry for entry in entries if entry.guid]
    own = _own_ids(entries)
    latest = now + _AHEAD
    found: dict[str, Candidate] = {}
    for given in entries:
        entry = given
        if entry.published and entry.published > latest:
            entry = replace(entry, published=None)
        entry_id = stable_id("entry", feed, entry.guid, *own(entry))
        if entry_id not in found:
            found[entry_id] = Candidate(entry, entry_id, entry.words_hash or content_hash(entry))
    return list(found.values())


def _own_ids(entries: Sequence[ParsedEntry]) -> Callable[[ParsedEntry], tuple[str, ...]]:
    """Return what tells an entry from others of its guid; in most feeds no two share one."""
    if len({entry.guid for entry in entries}) == len(entries):
        return lambda entry: ()
    links: dict[str, set[str | None]] = {}
    titles: dict[str, set[str]] = {}
    for entry in entries:
        links.setdefault(entry.guid, set()).add(entry.url)
        titles.setdefault(entry.guid, set()).add(entry.title)

    def own(entry: ParsedEntry) -> tuple[str, ...]:
        if len(links[entry.guid]) > 1:
            return (entry.url or entry.title,)
        # Two may be an entry and its older form, as Atom allows; three are a publisher's mistake.
        return (entry.title,) if len(titles[entry.guid]) > 2 else ()

    return own


def arrival(last_success: datetime | None, interval_s: float, now: datetime) -> Arrival:
    """Tell news as it happens from a backlog that must not become a storm."""
    if last_success is None:
        return Arrival.FIRST_CONTACT
    # A feed that is read once a day or less is not catching up each time.
    patience = max(CATCH_UP_AFTER, timedelta(seconds=2 * interval_s))
    return Arrival.CATCH_UP if now - last_success > patience else Arrival.LIVE


def decide(
    candidates: Sequence[Candidate],
    known: Mapping[str, Known],
    twins: Iterable[Twin],
    how: Arrival,
    now: datetime,
) -> list[Decision]:
    """Decide on every candidate, in the feed's order."""
    seen_as = set(twins)
    undated = 0
    decisions = []
    for candidate in candidates:
        old = known.get(candidate.entry_id)
        if old is not None:
            decisions.append(_again(candidate, old, how))
            continue
        twin = candidate.twin()
        if twin in seen_as:
            # Not stored: a feed whose ids change at every poll would fill the table.
            decisions.append(Decision(candidate, Verdict.UNCHANGED, _RENAMED, 1, how, now))
            continue
        skip = ""
        if how is Arrival.FIRST_CONTACT:
            undated += candidate.entry.published is None
            skip = _too_old(candidate, undated, now)
        verdict = Verdict.SKIPPED if skip else Verdict.NEW
        reason = skip or _WHY_NEW[how]
        decisions.append(Decision(candidate, verdict, reason, 1, how, now))
        seen_as.add(twin)
    return decisions


_RENAMED = "known under another id: same link, date and words"
_WHY_NEW = {
    Arrival.LIVE: "not seen before",
    Arrival.FIRST_CONTACT: "recent at the first contact with its feed",
    Arrival.CATCH_UP: "not seen before; the feed had not been read for more than a day",
}


def _again(candidate: Candidate, old: Known, how: Arrival) -> Decision:
    if candidate.content_hash in old.hashes:
        # An earlier revision counts too: caches of one publisher often answer old and new by turns.
        return Decision(candidate, Verdict.UNCHANGED, "same words as before", old.revision, how, old.first_seen)
    revision = old.revision + 1
    why = "edited by its publisher"
    return Decision(candidate, Verdict.REVISED, why, revision, how, old.first_seen, old.story)


def ids_of(decisions: Sequence[Decision], before: str | None) -> Ids | None:
    """Say why the ids of a feed cannot be believed; None where they can.

    Shared: most of its entries, and three at least, carry one id. Changing: at least half of them, and
    two at least, were known under another id. Once found changing it stays so until an id comes again.
    """
    guids = Counter(decision.candidate.entry.guid for decision in decisions)
    most = max(guids.values(), default=0)
    if most > 2 and 2 * most > len(decisions):
        return Ids.SHARED
    renamed = sum(decision.reason == _RENAMED for decision in decisions)
    if renamed > 1 and 2 * renamed >= len(decisions):
        return Ids.CHANGING
    known = sum(decision.verdict in {Verdict.UNCHANGED, Verdict.REVISED} for decision in decisions) - renamed
    return Ids.CHANGING if before == Ids.CHANGING and not known else None


def _too_old(candidate: Candidate, undated: int, now: datetime) -> str:
    published = candidate.entry.published
    if published is None:
        return (
            f"undated, and behind the first {UNDATED_TAKEN} of a feed never read before"
            if undated > UNDATED_TAKEN
            else ""
        )
    return "older than seven days at the first contact with its feed" if now - published > RECENT else ""


@lru_cache(8_192)
def link_key(url: str | None) -> str | None:
    """Return the form of an address under which an entry is looked up."""
    return canonical_url(url)[:2_000] if url else None
