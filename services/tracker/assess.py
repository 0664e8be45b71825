"""Assess an incident from its standing reports: facts, grade, evidence, sources, headline.

Peak: the gravest that the standing evidence justifies, taken together; it falls only when evidence is
withdrawn. Current: the same until a report tells of containment, restoration or absence of effect (the
turn); from then on only what is said after it counts for care, while stolen data stay stolen. Where the
very first report tells of the end too, what it says of care still counts: nobody has been told of it yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.tracker.cite import cite_evidence, cite_sources
from services.tracker.facts import merge_facts, strongest
from services.tracker.headline import write_headline
from services.tracker.independent import count_independent
from services.tracker.reading import care_signals, in_order, moment_of, used_signals
from shared import severity
from shared.events import Certainty, CitedEvidence, Facts, Report, Source, Status, Victim
from shared.severity import Grade, grade
from shared.signals import CAP_WORDS, Axis, Signal, level_of
from shared.signals import MEANINGS as _MEANINGS
from shared.signals import Certainty as GradingCertainty
from shared.signals import Scope as GradingScope

ECHO_OF_OLD_NEWS = timedelta(hours=12)
"""Outlets repeat yesterday's state: so soon after the turn, a report does not raise the current level."""
RETOLD_AFTER = timedelta(days=45)
"""What is published so long after the first report tells of the attack again; it raises nothing current."""
_ENDED = frozenset({Status.CONTAINED, Status.RESTORED, Status.PAST})
_MILD = frozenset({Signal.NO_EFFECT, Signal.BLOCKED})
_BACK = frozenset({Signal.RESTORED, Signal.CONTAINED})
_PLACE = {signal: place for place, signal in enumerate(Signal)}
"""Of one level, what concerns patients most nearly stands first in the vocabulary, and in a headline."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that is known of an incident at one moment."""

    kind: Literal["incident", "outage"]
    level: int
    peak: int
    cap: str
    impact_unknown: bool
    would_be: int | None
    grade_reason: str
    headline: str
    facts: Facts
    evidence: tuple[CitedEvidence, ...]
    sources: tuple[Source, ...]
    first_published: datetime
    independent_sources: int


def assess(reports: Sequence[Report], told: Sequence[Victim] = ()) -> Assessment:
    """Assess an incident from the reports that stand, at least one, in whatever order.

    `told` are the victims as the last version spelled them: a spelling that was told is kept.
    """
    ordered = in_order(reports)
    facts = merge_facts(ordered, told)
    peak = grade_peak(ordered, facts)
    current = grade_current(ordered, facts, peak)
    kind: Literal["incident", "outage"] = "incident" if any(report.incident for report in ordered) else "outage"
    reason = current.reason
    if current.level < peak.level:
        reason = f"{current.reason}; at its worst level {peak.level}: {peak.reason}"
    return Assessment(
        kind=kind,
        level=current.level,
        peak=peak.level,
        cap=current.cap or "Unknown",
        impact_unknown=current.impact_unknown,
        would_be=current.would_be,
        grade_reason=reason,
        headline=write_headline(kind, facts, current, peak),
        facts=facts,
        evidence=cite_evidence(ordered, current.justified_by + peak.justified_by),
        sources=cite_sources(ordered),
        first_published=moment_of(ordered[0]),
        independent_sources=count_independent(ordered),
    )


def grade_peak(reports: Sequence[Report], facts: Facts) -> Grade:
    """Grade all that stands together; a report whose own grade is higher still decides alone."""
    together = grade(_all(reports), _grading(reports, facts))
    gravest = max(reports, key=lambda report: (report.level, report.id))
    if gravest.level <= together.level:
        return together
    own = grade(_all([gravest]), _grading([gravest], gravest.facts))
    justified = own.justified_by if own.level == gravest.level else ()
    reason = own.reason if justified else gravest.reason
    return Grade(gravest.level, "report", reason, CAP_WORDS[gravest.level], None, own.impact_unknown, justified)


def grade_current(reports: Sequence[Report], facts: Facts, peak: Grade) -> Grade:
    """Grade what is still so: after the turn, care counts only as told since; data and websites stay."""
    turn = _turn(reports)
    if turn is None:
        return peak
    since = [report for report in reports if _told_since(report, turn, reports[0])]
    ended = turn.facts.status in {Status.RESTORED, Status.PAST} and turn is not reports[0]
    now_so = _all(since if ended else [turn, *since])
    lasting = [signal for signal in _all(reports) if not _passes(signal)]
    signals = tuple(dict.fromkeys([*lasting, *now_so]))
    # A number of sites that was true at the worst is no longer stated.
    fresh = merge_facts([turn, *since])
    grading = replace(
        _grading(since or [turn], fresh),
        certainty=GradingCertainty(facts.certainty.value),
        published_by_attacker_only=facts.published_by_attacker_only,
    )
    current = grade(signals, grading)
    if not care_signals(now_so) and not any(_MEANINGS[s].axis is not Axis.EVENT for s in lasting):
        word = "service restored" if ended else "contained, no effect on care stated since"
        current = Grade(1, turn.facts.status.value, word, CAP_WORDS[1], justified_by=_told(turn, _BACK | _MILD))
    return current if current.level < peak.level else peak


def _turn(reports: Sequence[Report]) -> Report | None:
    """Return the latest report that tells of the end of it, or of no effect."""
    for report in reversed(reports):
        if report.facts.status in _ENDED:
            return report
        said = set(used_signals(report))
        if said & _MILD and not care_signals(said):
            return report
    return None


def _told_since(report: Report, turn: Report, first: Report) -> bool:
    moment = moment_of(report)
    return moment > moment_of(turn) + ECHO_OF_OLD_NEWS and moment <= moment_of(first) + RETOLD_AFTER


def _passes(signal: Signal) -> bool:
    """Say whether a signal ends with the turn: care and offices recover, stolen data do not return."""
    return _MEANINGS[signal].axis in {Axis.CARE, Axis.OFFICE, Axis.WEBSITE} and signal is not Signal.DEATH


def _told(report: Report, wanted: frozenset[Signal]) -> tuple[Signal, ...]:
    return tuple(signal for signal in used_signals(report) if signal in wanted)


def _all(reports: Iterable[Report]) -> tuple[Signal, ...]:
    found = dict.fromkeys(signal for report in reports for signal in used_signals(report))
    return tuple(sorted(found, key=lambda signal: (-level_of(signal), _PLACE[signal])))


def _grading(reports: Sequence[Report], facts: Facts) -> severity.Facts:
    """Give `grade` the facts. The word that makes an emergency must speak of the emergency itself."""
    emergencies = [report for report in reports if _is_emergency(report)]
    certainty = facts.certainty
    if emergencies:
        certainty = strongest(emergencies)
    elif len(reports) > 1 and certainty is Certainty.CONFIRMED:
        certainty = Certainty.REPORTED
    return _grading_facts(facts, certainty, max(1, count_independent(emergencies)))


def _is_emergency(report: Report) -> bool:
    alone = grade(used_signals(report), _grading_facts(report.facts, report.facts.certainty, 1))
    return alone.level == 5 or alone.would_be == 5


def _grading_facts(facts: Facts, certainty: Certainty, independent: int) -> severity.Facts:
    return severity.Facts(
        certainty=GradingCertainty(certainty.value),
        scope=GradingScope(facts.scope.value),
        sites=facts.sites,
        diverting_sites=facts.diverting_sites,
        sites_down=facts.sites_down,
        supplier_customers=facts.supplier_customers,
        disrupted_days=facts.disrupted_days,
        published_by_attacker_only=facts.published_by_attacker_only,
        independent_sources=independent,
    )
