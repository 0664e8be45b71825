"""Hold what one batch of reports finds and leaves: read before it, written after it, nothing in between.

Within the transaction, under the one lock, the database cannot change beside it: so what one report
brings is known to the next without asking again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.tracker.keys import NAMELESS as NAMELESS_KEY
from services.tracker.keys import agreeing_keys, exact_keys, is_specific, spelling_keys, stored_keys
from services.tracker.known import SAME_ATTACK, Known
from services.tracker.merge import NAMELESS, tells_of_now
from services.tracker.reading import moment_of
from shared.events import Alert, Report
from shared.headers import Trace

NEAR = timedelta(days=60)
"""How near in time an incident must be to be found by another spelling."""


@dataclass(frozen=True, slots=True)
class Filed:
    """A report as it was put on file, by what decides whether another one takes its place."""

    id: str
    entry_id: str
    revision: int
    judged_at: datetime
    incident_id: str | None
    stands: bool


@dataclass(slots=True)
class Dossier:
    """One incident in hand. What was last told and the reports are read only where they are needed (`full`)."""

    id: str
    entry_id: str
    state: str
    opened_at: datetime
    because: str
    first: datetime
    last_published: datetime
    silent: bool = True
    words: list[str] = field(default_factory=list)
    document: str = ""
    last: Alert | None = None
    standing: dict[str, Report] | None = None
    _known: Known | None = None

    @property
    def full(self) -> bool:
        """Say whether it can be concluded from."""
        return self.standing is not None

    @property
    def known(self) -> Known:
        """Return what matching needs, read from its document the first time."""
        if self._known is None:
            self._known = Known.model_validate_json(self.document)
        return self._known

    @known.setter
    def known(self, known: Known) -> None:
        self._known = known
        self.first, self.last_published = known.first, known.last


@dataclass(frozen=True, slots=True)
class Wanted:
    """By what a report finds its candidates."""

    exact: frozenset[str]
    spellings: frozenset[str]
    moment: datetime
    specific: bool
    countries: frozenset[str]
    """The marks of the countries that agree with its own, where it is compared with all of its days; none: all do."""
    since: datetime | None
    """The last news of what it belongs to is not older than this, if it is given."""

    @classmethod
    def by(cls, report: Report) -> Wanted:
        """Derive it from a report."""
        victims, suppliers = report.facts.victims, report.facts.suppliers
        exact = exact_keys(victims, suppliers)
        specific = any(is_specific(victim) for victim in victims)
        moment = moment_of(report)
        since = moment - SAME_ATTACK if tells_of_now(report) else None
        return cls(
            frozenset(exact),
            frozenset(spelling_keys(exact)),
            moment,
            specific,
            frozenset(agreeing_keys(victims)),
            since,
        )


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """A report with what became of it, to be written."""

    report: Report
    document: str
    incident_id: str | None
    stands: bool
    outcome: str
    reason: str
    appended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A new version of an incident, the report that brought it (none where a person did), and its trace."""

    alert: Alert
    report_id: str | None
    trace: Trace


@dataclass(slots=True)
class Ledger:
    """The incidents in hand, the reports on file for the batch's entries, and what is to be written."""

    dossiers: dict[str, Dossier] = field(default_factory=dict)
    filed: defaultdict[str, list[Filed]] = field(default_factory=lambda: defaultdict(list))
    reports: dict[str, ReportEntry] = field(default_factory=dict)
    withdrawn: dict[str, str] = field(default_factory=dict)
    changed: dict[str, Dossier] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    _by_word: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def take_up(self, dossier: Dossier) -> None:
        """Have an incident in hand, to be found by its words."""
        self.dossiers[dossier.id] = dossier
        self._index(dossier)

    def candidates(self, wanted: Wanted) -> list[Known]:
        """Return the incidents that a report might belong to.

        With a word in common at any time that it may speak of; with a spelling in common around its time; and
        where one of the two names nobody, all of its days whose country agrees.
        """
        found = self._with_words(wanted.exact)
        found |= {one for one in self._with_words(wanted.spellings) if self._within(one, wanted.moment, NEAR)}
        if wanted.since:
            found = {one for one in found if self.dossiers[one].last_published >= wanted.since}
        nameless = self._with_words([NAMELESS_KEY]) if wanted.specific else set(self.dossiers)
        if wanted.countries:
            nameless &= self._with_words(wanted.countries)
        found |= {one for one in nameless if self._within(one, wanted.moment, NAMELESS)}
        return [self.dossiers[one].known for one in sorted(found)]

    def missing(self, ids: Iterable[str]) -> list[str]:
        """Return those of these incidents that must be read before anything is concluded from them."""
        return sorted({one for one in ids if (held := self.dossiers.get(one)) is None or not held.full})

    def file(self, entry: ReportEntry) -> None:
        """Put a report on file, and to its incident where that rests on it."""
        report = entry.report
        self.reports[report.id] = entry
        self.filed[report.entry_id].append(
            Filed(report.id, report.entry_id, report.revision, report.judged_at, entry.incident_id, entry.stands)
        )
        if entry.incident_id and entry.stands:
            self._standing(entry.incident_id)[report.id] = report

    def withdraw(self, replaced: Iterable[Filed], why: str) -> None:
        """Take back the support of reports that a later one on the same entry replaces."""
        for one in replaced:
            self.withdrawn[one.id] = why
            self.filed[one.entry_id].remove(one)
            self.filed[one.entry_id].append(
                Filed(one.id, one.entry_id, one.revision, one.judged_at, one.incident_id, stands=False)
            )
            if one.incident_id:
                self._standing(one.incident_id).pop(one.id, None)

    def update(self, dossier: Dossier, known: Known) -> None:
        """Note that an incident is to be written, and find it from now on by what is known of it."""
        self.changed[dossier.id] = dossier
        before = dossier.known if dossier.words else None
        dossier.known = known
        if before is None or (before.victims, before.suppliers) != (known.victims, known.suppliers):
            for word in dossier.words:
                self._by_word[word].discard(dossier.id)
            dossier.words = stored_keys(known.victims, known.suppliers)
            self._index(dossier)

    def tell(self, dossier: Dossier, state: str, version: Version) -> None:
        """Note what is told of an incident; it is silent as long as every version was."""
        dossier.state, dossier.last = state, version.alert
        dossier.silent = dossier.silent and version.alert.silent
        self.changed[dossier.id] = dossier
        self.versions.append(version)

    def _index(self, dossier: Dossier) -> None:
        for word in dossier.words:
            self._by_word[word].add(dossier.id)

    def _standing(self, incident_id: str) -> dict[str, Report]:
        standing = self.dossiers[incident_id].standing
        assert standing is not None, f"incident {incident_id} was not read"
        return standing

    def _with_words(self, words: Iterable[str]) -> set[str]:
        return set().union(*(self._by_word[word] for word in words if word in self._by_word))

    def _within(self, incident_id: str, moment: datetime, time: timedelta) -> bool:
        dossier = self.dossiers[incident_id]
        return dossier.last_published >= moment - time and dossier.first <= moment + time
