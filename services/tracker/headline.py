"""Write the one line that says what happened, to whom, where, and what it does to care."""

from __future__ import annotations

from shared.events import Certainty, Facts, Scope, Status, Victim
from shared.severity import Grade
from shared.signals import Signal, words

MAX_NAME = 120
_SAYS_LITTLE = frozenset({Signal.ATTACK, Signal.OUTAGE, Signal.ATTACKER_CLAIM})


def write_headline(kind: str, facts: Facts, current: Grade, peak: Grade) -> str:
    """Write, for example, "Cyberattack on Centre hospitalier X (FR): emergency department closed"."""
    return f"{_event(kind, facts)} {_victim(facts)}: {_effect(facts, current, peak)}"


def _event(kind: str, facts: Facts) -> str:
    if kind == "outage":
        return "Systems down, cause unknown, at"
    if facts.certainty is Certainty.CLAIMED:
        return "Cyberattack claimed by attackers on"
    if facts.certainty is Certainty.SUSPECTED:
        return "Suspected cyberattack on"
    return "Cyberattack on"


def _victim(facts: Facts) -> str:
    named = [victim for victim in facts.victims if victim.name.strip()]
    if facts.scope is Scope.SUPPLIER and facts.suppliers:
        hit = f"supplier {_short(facts.suppliers[0])}"
        return f"{hit}, hitting {_first(named)}" if named and named[0].name != facts.suppliers[0] else hit
    if named:
        return _first(named)
    place = next((victim for victim in facts.victims if victim.place or victim.country), None)
    if facts.suppliers:
        return f"supplier {_short(facts.suppliers[0])}"
    return f"a care provider{_where(place)}" if place else "a care provider not named"


def _first(victims: list[Victim]) -> str:
    victim = victims[0]
    more = f" and {len(victims) - 1} more" if len(victims) > 1 else ""
    country = f" ({victim.country})" if victim.country else ""
    return f"{_short(victim.name)}{country}{more}"


def _where(victim: Victim) -> str:
    place = f" in {victim.place}" if victim.place else ""
    return f"{place} ({victim.country})" if victim.country else place


def _effect(facts: Facts, current: Grade, peak: Grade) -> str:
    if current.level < peak.level:
        was = f", at its worst: {_words(peak)}" if peak.justified_by else ""
        now = {Status.RESTORED: "service restored", Status.PAST: "told as past"}.get(facts.status, _words(current))
        return f"{now}{was}"
    return _words(current)


def _words(grade: Grade) -> str:
    if grade.impact_unknown:
        return "impact unknown"
    said = [words(signal) for signal in grade.justified_by if signal not in _SAYS_LITTLE]
    return ", ".join(said[:2]) if said else grade.reason.split(";")[0][:160] or "impact unknown"


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1].rstrip() + "…"
