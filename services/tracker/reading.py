"""Read what one report says: its signals, when it was published, in which order reports stand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

from shared.events import Evidence, Report
from shared.signals import MEANINGS, Axis, Signal

HARMLESS_CAUSE = "harmless"
"""The word by which the classifier's reason says that a breakdown has a cause that means no harm.

It stands in "harmless cause stated" as well as in the names of the features ("head:harmless") that decided.
Written down here alone: should reports carry a field for it, `tells_harmless_cause` is the one place to change.
"""

_KNOWN = {signal.value: signal for signal in Signal}


def signal_of(evidence: Evidence) -> Signal | None:
    """Return the signal, or None for one that a newer classifier knows and we do not."""
    return _KNOWN.get(evidence.signal)


def used_signals(report: Report) -> tuple[Signal, ...]:
    """Return the signals that count; an attack or outage is one also where nothing was quoted."""
    found = [signal for one in report.evidence if one.used and (signal := signal_of(one))]
    event = Signal.ATTACK if report.incident else Signal.OUTAGE
    return tuple(dict.fromkeys([event, *found]))


def care_signals(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Keep what is about care."""
    return tuple(signal for signal in signals if MEANINGS[signal].axis is Axis.CARE)


def moment_of(report: Report) -> datetime:
    """Return when it was published; a date in the future counts as the moment it was first seen."""
    moment = report.published or report.first_seen
    return moment if moment <= report.first_seen + timedelta(days=1) else report.first_seen


def in_order(reports: Iterable[Report]) -> list[Report]:
    """Sort by time of publication; the order of arrival must not matter."""
    return sorted(reports, key=lambda report: (moment_of(report), report.first_seen, report.id))


def supports(report: Report) -> bool:
    """Say whether an incident can rest on this report."""
    return report.incident or report.outage


def tells_harmless_cause(report: Report) -> bool:
    """Say whether it tells of a breakdown with a cause that means no harm (the classifier's reason says so)."""
    return not supports(report) and HARMLESS_CAUSE in report.reason


class Judged(Protocol):
    """Be a judgement on an entry, by what orders them."""

    @property
    def id(self) -> str:
        """Return the report's id."""

    @property
    def revision(self) -> int:
        """Return the revision that was judged."""

    @property
    def judged_at(self) -> datetime:
        """Return when."""


def supersedes(one: Judged, other: Judged) -> bool:
    """Say whether `one` replaces `other`, a report on the same entry: later revision, then later judgement."""
    return (one.revision, one.judged_at, one.id) > (other.revision, other.judged_at, other.id)
