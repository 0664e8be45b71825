"""Grade an attack by what it does to care, from the signals that are stated as fact about its victim.

The rules are the severity table of the design, one small function a rule. The classifier grades one
article with it, the tracker all that is known of an incident: `independent_sources` is the tracker's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.signals import (
    CAP_WORDS,
    IMPACT_UNKNOWN_CAP,
    LEVEL_NAMES,
    Axis,
    Certainty,
    Scope,
    Signal,
    level_of,
    words,
)
from shared.signals import MEANINGS as _MEANINGS

MANY_SITES = 3
DIVERTING_HOSPITALS_FOR_EMERGENCY = 5
HOSPITALS_DOWN_FOR_EMERGENCY = 20
LONG_DISRUPTION_DAYS = 14
ENOUGH_SOURCES = 2

_DIVERSIONS = frozenset({Signal.EMERGENCY_CLOSED, Signal.AMBULANCES_DIVERTED})
_SYSTEMS_DOWN = frozenset(
    {
        Signal.NETWORK_DOWN,
        Signal.RECORDS_DOWN,
        Signal.PAPER_MODE,
        Signal.LABORATORY_SYSTEMS_DOWN,
        Signal.IMAGING_DOWN,
        Signal.ACTIVITY_SUSPENDED,
        Signal.DISPATCH_DOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Hold what the grade needs beside the signals.

    `sites` counts the care sites that are affected, `diverting_sites` and `sites_down` those that divert
    emergencies or have lost their clinical systems; None is unknown, never none. `disrupted_days` is how
    long care is stated to be disrupted, not how long an intruder was inside.
    """

    certainty: Certainty = Certainty.REPORTED
    scope: Scope = Scope.UNKNOWN
    sites: int | None = None
    diverting_sites: int | None = None
    sites_down: int | None = None
    supplier_customers: bool = False
    disrupted_days: int | None = None
    published_by_attacker_only: bool = False
    independent_sources: int = 1


@dataclass(frozen=True, slots=True)
class Grade:
    """Hold a level with the rule that set it and why.

    `would_be` is the level it would have if it were confirmed, where that is higher. `justified_by` are
    the signals that carry the level.
    """

    level: int
    rule: str
    reason: str
    cap: str
    would_be: int | None = None
    impact_unknown: bool = False
    justified_by: tuple[Signal, ...] = ()

    @property
    def name(self) -> str:
        """Return the level's name, e.g. "critical"."""
        return LEVEL_NAMES[self.level]


NOTHING = Grade(0, "none", "not an attack on care and no outage of it", "")


def grade(signals: Iterable[Signal], facts: Facts | None = None) -> Grade:
    """Grade the signals that are stated as fact about this victim (an unexplained outage is graded alike).

    1. An emergency (5): by the word of the victim, an authority or a court, or of two independent
       sources; else 4, and it says that it would be 5 if confirmed.
    2. Care signals by their own level; 3 becomes 4 with three sites or more, with a shared supplier's
       customers, or after more than 14 days. Data and websites never raise so.
    3. Data published (3, 1 by the attacker's word alone), stolen (2), administration hit (2).
    4. Contained with absence of effect stated, website only, the attacker's claim alone: 1.
    5. An attack without any stated effect: 2, "impact unknown". A ransom or a gang's name changes nothing.
    """
    facts = facts or Facts()
    found = tuple(dict.fromkeys(signals))
    if not found:
        return NOTHING
    emergency = _emergency(found, facts)
    if emergency:
        return _confirmed_or_below(*emergency, facts)
    care = _care(found, facts)
    if care:
        return care
    return _without_care(found, facts)


def _emergency(found: tuple[Signal, ...], facts: Facts) -> tuple[str, tuple[Signal, ...], str] | None:
    """Return the rule, the signals and the words that make it an emergency, or None."""
    if Signal.DEATH in found:
        return "death", (Signal.DEATH,), words(Signal.DEATH)
    diverting = _present(found, _DIVERSIONS)
    if diverting and _at_least(facts.diverting_sites, DIVERTING_HOSPITALS_FOR_EMERGENCY):
        return "many_diverting", diverting, f"emergencies turned away at {facts.diverting_sites} hospitals"
    down = _present(found, _SYSTEMS_DOWN)
    if down and facts.scope in {Scope.REGION, Scope.NATIONAL}:
        where = "a country's" if facts.scope is Scope.NATIONAL else "a region's"
        return "region_down", down, f"clinical systems down across {where} health service"
    if down and _at_least(facts.sites_down, HOSPITALS_DOWN_FOR_EMERGENCY):
        return "many_down", down, f"clinical systems down at {facts.sites_down} hospitals"
    return None


def _confirmed_or_below(rule: str, by: tuple[Signal, ...], why: str, facts: Facts) -> Grade:
    """Grant level 5 on a word that counts, else 4 with what it would be."""
    if facts.certainty is Certainty.CONFIRMED:
        return _grade(5, rule, f"{why}, by the word of the victim, an authority or a court", by)
    if facts.independent_sources >= ENOUGH_SOURCES:
        return _grade(5, rule, f"{why}, by {facts.independent_sources} independent sources", by)
    return _grade(4, rule, f"{why}; would be 5 if confirmed", by, would_be=5)


def _care(found: tuple[Signal, ...], facts: Facts) -> Grade | None:
    """Grade by the gravest signal of care, raised from 3 to 4 by how many or how long."""
    care = [s for s in found if _MEANINGS[s].axis is Axis.CARE]
    if not care:
        return None
    top = max(level_of(s) for s in care)
    by = tuple(s for s in care if level_of(s) == top)
    why = "; ".join(words(s) for s in by)
    if top >= 4:
        return _grade(top, by[0].value, why, by)
    # A crisis team that meets is an effort, not an effect: it does not spread. "Disrupted" without a word on how is
    # too weak to become critical by being told of three places at once.
    raising = tuple(s for s in by if s is not Signal.CRISIS_TEAM)
    stated = tuple(s for s in raising if s is not Signal.CARE_DISRUPTED)
    if stated and _at_least(facts.sites, MANY_SITES):
        return _grade(4, "many_sites", f"{why}, at {facts.sites} care sites", stated)
    if raising and facts.supplier_customers:
        return _grade(4, "supplier_customers", f"{why}, at the customers of a shared supplier", raising)
    if raising and facts.disrupted_days is not None and facts.disrupted_days > LONG_DISRUPTION_DAYS:
        return _grade(4, "long_disruption", f"{why}, for {facts.disrupted_days} days", raising)
    return _grade(3, by[0].value, why, by)


def _without_care(found: tuple[Signal, ...], facts: Facts) -> Grade:
    """Grade where no effect on care is stated."""
    if Signal.DATA_PUBLISHED in found and not facts.published_by_attacker_only:
        return _single(Signal.DATA_PUBLISHED)
    claim_only = facts.certainty is Certainty.CLAIMED
    if claim_only:
        if Signal.SAMPLES_SEEN in found:
            return _grade(2, "claim_with_samples", "claimed by the attacker, samples seen", (Signal.SAMPLES_SEEN,))
        return _grade(1, "claim_only", "claimed by the attacker alone", _present(found, {Signal.ATTACKER_CLAIM}))
    for signal in (Signal.DATA_STOLEN, Signal.DATA_PUBLISHED, Signal.OFFICE_SYSTEMS_HIT):
        if signal in found:
            level = 2
            return _grade(level, signal.value, words(signal), (signal,))
    for signal in (Signal.BLOCKED, Signal.WEBSITE_FLOODED, Signal.WEBSITE_DEFACED):
        if signal in found:
            return _single(signal)
    if Signal.NO_EFFECT in found:
        if Signal.CONTAINED in found:
            return _single(Signal.NO_EFFECT)
        return _grade(2, "care_goes_on", "an attack; care is said to go on", (Signal.NO_EFFECT,))
    if Signal.RANSOM_DEMANDED in found:
        return _grade(2, "ransom_only", "ransom demanded, no effect on care reported", (Signal.RANSOM_DEMANDED,))
    if Signal.ATTACK in found or Signal.OUTAGE in found or Signal.CONTAINED in found:
        event = _present(found, {Signal.ATTACK, Signal.OUTAGE, Signal.CONTAINED})
        return _grade(2, "impact_unknown", "impact not stated", event, unknown=True)
    return NOTHING if found == (Signal.RESTORED,) else _grade(1, "trace", "no effect stated", found)


def _single(signal: Signal) -> Grade:
    return _grade(level_of(signal), signal.value, words(signal), (signal,))


def _grade(
    level: int,
    rule: str,
    reason: str,
    by: tuple[Signal, ...],
    *,
    would_be: int | None = None,
    unknown: bool = False,
) -> Grade:
    cap = IMPACT_UNKNOWN_CAP if unknown else CAP_WORDS[level]
    return Grade(level, rule, reason, cap, would_be, unknown, by)


def _present(found: tuple[Signal, ...], wanted: Iterable[Signal]) -> tuple[Signal, ...]:
    wanted = frozenset(wanted)
    return tuple(s for s in found if s in wanted)


def _at_least(number: int | None, bound: int) -> bool:
    return number is not None and number >= bound
