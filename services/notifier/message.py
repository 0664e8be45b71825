"""Say an alert in a structured message, before anything is rendered. Pure.

The message is stored with its delivery, so that what is sent at the tenth attempt is what was
decided at the first. Text of others is cleaned here once; each renderer makes it harmless for
the place it stands in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.notifier.facts import Fact, facts, moment, place
from services.notifier.neutral import clean, link
from services.notifier.route import Decision, Tell
from shared.events import Alert, AlertReason
from shared.signals import CAP_WORDS, LEVEL_NAMES

STANDING = "This rests on published news, which may lag by hours. No alert does not mean that there is no attack."
MAX_EVIDENCE, MAX_SOURCES, MAX_CHANGES, MAX_ITEMS = 6, 6, 8, 200
MAX_TROUBLES = 40


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Quote(_Frozen):
    """One piece of evidence: what it shows, the words as printed, and where."""

    words: str
    quote: str
    source: str = ""
    url: str | None = None


class Reference(_Frozen):
    """One published report."""

    name: str
    title: str = ""
    url: str | None = None
    published: str = ""


class Message(_Frozen):
    """All that a reader is told in one message; `items` are the messages that a fold lists.

    `ended` is the word for what is over ("retracted", "closed", "corrected"): such a message is calm.
    """

    kind: Literal["opening", "update", "retraction", "fold", "summary", "held", "digest", "operators", "weekly", "test"]
    subject: str
    headline: str
    level: int = 0
    ended: str = ""
    outage: bool = False
    lead: str = ""
    place: str = ""
    facts: tuple[Fact, ...] = ()
    changes: tuple[str, ...] = ()
    evidence: tuple[Quote, ...] = ()
    sources: tuple[Reference, ...] = ()
    more_sources: int = 0
    items: tuple[Message, ...] = ()
    footnotes: tuple[str, ...] = ()
    incident_id: str = ""
    alert_id: str = ""
    version: int = 0
    subscription: str = ""
    created_at: AwareDatetime | None = None
    cap: str = ""

    @property
    def level_name(self) -> str:
        """Return the level's word, e.g. "critical"."""
        return LEVEL_NAMES[self.level]


def alert_message(alert: Alert, decision: Decision, subscription: str) -> Message:
    """Write the message for one subscription: an opening, an update or a retraction."""
    headline = clean(alert.headline, 240)
    kind: Literal["opening", "update", "retraction"] = (
        "retraction" if decision.tell is Tell.RETRACTION else "update" if decision.tell is Tell.UPDATE else "opening"
    )
    changes = tuple(clean(one.words, 300) for one in decision.news)[:MAX_CHANGES] if kind == "update" else ()
    note = clean(alert.note, 600)
    if kind == "retraction":
        changes = (f"Retracted: {note}" if note else "Retracted: it does not hold any longer",)
    elif note:
        changes = (*changes, note)
    quotes = sorted(alert.evidence, key=lambda cited: -cited.level)
    return Message(
        kind=kind,
        subject=subject_line(kind, alert, headline),
        headline=headline,
        level=alert.level,
        ended=ended(kind, alert),
        outage=alert.kind == "outage",
        lead=_lead(alert, kind),
        place=place(alert.facts),
        facts=facts(alert),
        changes=changes,
        evidence=tuple(
            Quote(
                words=clean(cited.words or cited.signal.replace("_", " "), 160),
                quote=clean(cited.quote, 320),
                source=clean(cited.source, 120),
                url=link(cited.url),
            )
            for cited in quotes[:MAX_EVIDENCE]
        ),
        sources=tuple(
            Reference(
                name=clean(source.source, 120) or "source",
                title=clean(source.title, 200),
                url=link(source.url),
                published=moment(source.published) if source.published else "",
            )
            for source in alert.sources[:MAX_SOURCES]
        ),
        more_sources=max(0, len(alert.sources) - MAX_SOURCES),
        footnotes=(STANDING,),
        incident_id=alert.incident_id,
        alert_id=alert.id,
        version=alert.version,
        subscription=subscription,
        created_at=alert.created_at,
        cap=clean(alert.cap, 20) or CAP_WORDS[alert.level],
    )


def subject_line(kind: str, alert: Alert, headline: str) -> str:
    """Put first what must be read at three in the morning: how bad, then what."""
    if over := ended(kind, alert):
        return f"[{over.upper()}] {headline}"
    tag = f"{LEVEL_NAMES[alert.level].upper()} {alert.level}/5"
    if alert.kind == "outage":
        tag += ", cause unknown"
    return f"[{tag}] {'Update: ' if kind == 'update' else ''}{headline}"


def ended(kind: str, alert: Alert) -> str:
    """Name what is over, or nothing."""
    if kind == "retraction":
        return "retracted"
    if alert.reason is AlertReason.CLOSED:
        return "closed"
    return "corrected" if alert.level == 0 else ""


def _lead(alert: Alert, kind: str) -> str:
    """Say in one sentence how bad it is and why."""
    if kind == "retraction":
        return "An alert that you were sent does not hold. Nothing more needs doing because of it."
    if over := ended(kind, alert):
        return f"What you were told of is {over}."
    why = clean(alert.grade_reason, 300)
    if alert.impact_unknown:
        return "Effect on patient care unknown: nothing is stated about it yet."
    if alert.would_be and alert.would_be > alert.level:
        why = why.removesuffix(f"; would be {alert.would_be} if confirmed")
        return f"{_sentence(why)} It would be level {alert.would_be} if confirmed."
    return _sentence(why) if why else ""


def _sentence(words: str) -> str:
    words = words[:1].upper() + words[1:]
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."


def joined(earlier: Message, later: Message) -> Message:
    """Return `later` as it is told to one who has not got `earlier`, which waited, on the same incident.

    An opening after a retraction that was not told is an update: they heard of the incident before.
    """
    if earlier.kind == "retraction" and later.kind == "opening":
        subject = later.subject.replace("] ", "] Update: ", 1)
        return later.model_copy(update={"kind": "update", "subject": subject})
    if later.kind != "update":
        return later
    if earlier.kind == "opening":
        subject = later.subject.replace("] Update: ", "] ", 1)
        return later.model_copy(update={"kind": "opening", "changes": (), "subject": subject})
    if earlier.kind == "update":
        return later.model_copy(update={"changes": tuple(dict.fromkeys((*earlier.changes, *later.changes)))})
    return later


ListKind = Literal["fold", "summary", "held", "digest"]
_LISTS: Mapping[ListKind, tuple[str, str]] = {
    "fold": (
        "alerts folded into one message",
        "There were more alerts than your hourly limit allows; here they are all.",
    ),
    "summary": (
        "incidents found while catching up",
        "Read from feeds that are new to this system, or that it had not read for a while. These are not all new.",
    ),
    "held": (
        "incidents with news from your quiet hours",
        "What came in your quiet hours and could wait until they were over.",
    ),
    "digest": (
        "incidents with small news",
        "More sources and small facts of the last day, and attacks that became known when they were over.",
    ),
}


def list_message(kind: ListKind, messages: Sequence[Message], subscription: str) -> Message:
    """Fold many messages into one that lists them all, the gravest first; of each incident the latest.

    One alone is sent as itself, but in a digest, whose subject must not look like an alert's.
    """
    latest: dict[str, Message] = {}
    for message in messages:
        earlier = latest.get(message.incident_id)
        latest[message.incident_id] = joined(earlier, message) if earlier else message
    if len(latest) == 1 and kind != "digest":
        return next(iter(latest.values()))
    items = sorted(latest.values(), key=lambda one: -one.level)[:MAX_ITEMS]
    gravest = items[0].level
    what, lead = _LISTS[kind]
    if len(latest) == 1:
        what = what.replace("incidents", "incident", 1)
    tag = "Digest" if kind == "digest" else f"{LEVEL_NAMES[gravest].upper()} {gravest}/5"
    more = len(latest) - len(items)
    return Message(
        kind=kind,
        subject=f"[{tag}] {len(latest)} {what}",
        headline=f"{len(latest)} {what}",
        level=gravest,
        lead=lead,
        items=tuple(items),
        footnotes=((f"{more} more are not listed here.",) if more else ()) + (STANDING,),
        subscription=subscription,
        created_at=max((one.created_at for one in items if one.created_at), default=None),
    )


OperatorsNews = Literal["trouble", "over", "unwatched"]
_OPERATORS: Mapping[OperatorsNews, tuple[str, str]] = {
    "trouble": ("trouble", "This needs somebody who looks after Code Grey."),
    "over": ("recovered", "This is over."),
    "unwatched": ("no longer watched", "Nobody looks at this any more: it was taken out of the configuration."),
}


def operators_message(what: OperatorsNews, title: str, lines: Sequence[str], *, now: datetime) -> Message:
    """Tell operators of trouble with the system itself, or how it ended; what is left out is counted."""
    tag, lead = _OPERATORS[what]
    more = len(lines) - MAX_TROUBLES
    return Message(
        kind="operators",
        subject=f"[Code Grey {tag}] {clean(title, 200)}",
        headline=clean(title, 240),
        lead=lead,
        changes=tuple(clean(line, 600) for line in lines[:MAX_TROUBLES]),
        # At the foot, which a chat that is short of room keeps.
        footnotes=(f"and {more} more: `codegrey status` lists all that stands",) if more > 0 else (),
        subscription="operators",
        created_at=now,
    )


def test_message(subscription: str, now: datetime) -> Message:
    """Write the marked test that `codegrey subscriptions test` sends."""
    return Message(
        kind="test",
        subject=f"[TEST] Code Grey: this is a test of subscription {subscription}",
        headline="This is only a test",
        lead="No hospital is under attack because of this message. It shows that alerts reach you.",
        facts=(Fact(label="Subscription", value=subscription), Fact(label="Sent", value=moment(now))),
        footnotes=(STANDING,),
        subscription=subscription,
        created_at=now,
    )


test_message.__test__ = False  # type: ignore[attr-defined] # pytest takes every test_ name for its own
