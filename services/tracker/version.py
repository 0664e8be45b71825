"""Decide whether what is known now is worth a new version of the incident, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.tracker.assess import Assessment
from services.tracker.facts import CERTAINTIES
from shared.events import Alert, AlertReason, Certainty, Change, Facts
from shared.signals import LEVEL_NAMES

MAX_WORDS = 400


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reason for a new version, with what differs in words."""

    reason: AlertReason
    changes: tuple[Change, ...] = ()


def compare(before: Alert | None, after: Assessment, *, withdrawn: bool = False) -> Verdict | None:
    """Compare the last version with what is known now; None where a reader would see no difference.

    `withdrawn` says that evidence was taken back since, so that what is missing is a correction. Order of
    the reasons: opened, escalated (also: the outage was an attack), corrected, confirmed, lowered, updated.
    """
    if before is None:
        return Verdict(AlertReason.OPENED)
    changes = _changes(before, after)
    if not changes:
        return None
    return Verdict(_reason(before, after, withdrawn), changes)


def _reason(before: Alert, after: Assessment, withdrawn: bool) -> AlertReason:
    if after.level > before.level or (before.kind == "outage" and after.kind == "incident"):
        return AlertReason.ESCALATED
    if after.peak < before.peak or (withdrawn and _lost(before, after)):
        return AlertReason.CORRECTED
    if _confirmed(before.facts.certainty, after.facts.certainty):
        return AlertReason.CONFIRMED
    if after.level < before.level:
        return AlertReason.LOWERED
    return AlertReason.UPDATED


def _confirmed(before: Certainty, after: Certainty) -> bool:
    """Say whether a claim or suspicion became a report, or anything became confirmed."""
    stronger = CERTAINTIES.index(after) > CERTAINTIES.index(before)
    return stronger and after in {Certainty.REPORTED, Certainty.CONFIRMED}


def _lost(before: Alert, after: Assessment) -> bool:
    """Say whether something that was told no longer stands."""
    old, new = before.facts, after.facts
    gone = {victim.name for victim in old.victims} - {victim.name for victim in new.victims}
    data = ("unknown", "none", "stolen", "published")
    return (
        bool(gone)
        or data.index(new.data) < data.index(old.data)
        or CERTAINTIES.index(new.certainty) < CERTAINTIES.index(old.certainty)
        or (old.attack_date is not None and new.attack_date != old.attack_date)
        or (old.attacker is not None and new.attacker != old.attacker)
        or _effect_lost(before, after)
    )


def _effect_lost(before: Alert, after: Assessment) -> bool:
    """Say whether an effect that was told no longer stands, and nothing graver is told in its place.

    An author who adds that the crisis plan was declared leaves out what matters less now: that corrects nothing.
    """
    old, new = _effect_levels(before), _effect_levels(after)
    lost = max((level for words, level in old.items() if words not in new), default=None)
    gained = max((level for words, level in new.items() if words not in old), default=0)
    return lost is not None and lost >= gained


def _changes(before: Alert, after: Assessment) -> tuple[Change, ...]:
    """List what differs, the gravest first. Words of quotes are no difference, what they say is."""
    old, new = before.facts, after.facts
    pairs = [
        ("kind", _kind(before.kind), _kind(after.kind)),
        ("level", level_words(before.level), level_words(after.level)),
        ("peak level", level_words(before.peak), level_words(after.peak)),
        ("certainty", old.certainty.value, new.certainty.value),
        ("status", old.status.value, new.status.value),
        ("victims", _victims(old), _victims(new)),
        ("suppliers", ", ".join(old.suppliers), ", ".join(new.suppliers)),
        ("data", old.data, new.data),
        ("date of the attack", str(old.attack_date or "unknown"), str(new.attack_date or "unknown")),
        ("attacker", old.attacker or "unknown", new.attacker or "unknown"),
        ("ransom", old.ransom, new.ransom),
        ("care sites", str(old.sites or "unknown"), str(new.sites or "unknown")),
        ("scope", old.scope.value, new.scope.value),
        ("effects", _joined(_effect_levels(before)), _joined(_effect_levels(after))),
        ("sources", _sources(before), _sources(after)),
    ]
    changes = [Change(field=field, before=_cut(a), after=_cut(b)) for field, a, b in pairs if a != b]
    entries = {source.entry_id for source in before.sources}, {source.entry_id for source in after.sources}
    if entries[0] != entries[1] and not any(change.field == "sources" for change in changes):
        changes.append(Change(field="sources", before="others", after=_cut(_sources(after))))
    return tuple(changes)


def level_words(level: int) -> str:
    """Say a level: "4 critical"."""
    return f"{level} {LEVEL_NAMES[level]}"


def _kind(kind: str) -> str:
    return "attack" if kind == "incident" else "outage, cause unknown"


def _victims(facts: Facts) -> str:
    return "; ".join(f"{one.name} ({one.country})" if one.country else one.name for one in facts.victims)


def _effect_levels(snapshot: Alert | Assessment) -> dict[str, int]:
    return {cited.words or cited.signal: cited.level for cited in snapshot.evidence}


def _joined(words: Iterable[str]) -> str:
    return "; ".join(sorted(words))


def _sources(snapshot: Alert | Assessment) -> str:
    count = len(snapshot.sources)
    return f"{count} report" if count == 1 else f"{count} reports"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"
