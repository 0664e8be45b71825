"""Decide which incident a report belongs to, or that it opens its own.

Order: a name that matches, then a supplier in common, then (where one of them names nobody) the town,
then a near-identical title. Without a supplier in common, a name that differs is a veto: two hospitals
in one town are two incidents.

Time decides between the news of one attack and a second attack on the same victim: stated dates of
attack are compared with each other where both are known, else moments of publication. Within
`SAME_ATTACK` it is one attack. Later, a report belongs to the old one only if it says itself that it
tells of it: its stated date of attack is the old one's, it speaks of the past, or it speaks of data only
and stands beside another late report (a late disclosure is in many papers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from rapidfuzz.fuzz import token_sort_ratio

from services.tracker.keys import names_somebody
from services.tracker.known import SAME_ATTACK, Known
from services.tracker.likeness import Kind, Likeness, compare_victims
from services.tracker.names import fold, read_name, same_word, town, words_of
from services.tracker.reading import care_signals, moment_of, supports, tells_harmless_cause, used_signals
from shared.events import Report, Status, Victim

NAMELESS = timedelta(days=7)
"""How near in time a report that names nobody must be."""
OLD_NEWS = timedelta(days=365 * 3)
"""How far back a report of a past attack without a date may reach."""
ECHO = timedelta(days=14)
"""How near to a late report another one must be."""
LIKE_TITLE = 85
NAMELESS_OPENS_FROM = 2
"""A report that names nobody opens an incident from this level: a bare claim about no one alerts no one."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Where a report belongs and why; without an incident, `opens` says whether it opens one."""

    incident_id: str | None
    rule: str
    reason: str
    score: int = 0
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Why a report can belong to an incident, and how surely."""

    rule: str
    score: int
    why: str


class Matches:
    """Remember how one report compares: what is known anew is another object, and compared anew."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self._found: dict[int, tuple[Known, Match | None]] = {}

    def __call__(self, known: Known) -> Match | None:
        """Say why the report belongs to `known`, or None."""
        found = self._found.get(id(known))
        if found is None:
            found = self._found[id(known)] = known, match_incident(self.report, known)
        return found[1]


def settle(report: Report, candidates: Sequence[Known], home: Known | None, matches: Matches | None = None) -> Merge:
    """Choose the incident of a report that replaces an earlier one on the same entry.

    `home` is the incident that rested on the earlier one, as it is known without it. The revision stays
    there, unless it now names a victim that differs from what the other reports name.
    """
    if home and supports(report):
        if not home.victims and not home.titles:
            return Merge(home.id, "revision", "a revision of the report that it rests on", 100)
        if compare_all(report.facts.victims, home.victims).kind is not Kind.DIFFERENT:
            return Merge(home.id, "revision", "a revision of one of its reports", 100)
    return decide(report, candidates, matches)


def decide(report: Report, candidates: Sequence[Known], matches: Matches | None = None) -> Merge:
    """Choose the incident that `report` belongs to; ties go to the one nearest in time, then by id.

    What tells of no attack and no outage belongs to none, but a harmless cause closes an open outage.
    """
    closes = tells_harmless_cause(report)
    if not supports(report) and not closes:
        return Merge(None, "no_attack", "no attack and no outage")
    if closes:
        candidates = [known for known in candidates if known.kind == "outage"]
    compare = matches or Matches(report)
    found = [(match, known) for known in candidates if (match := compare(known))]
    if closes:
        found = [(match, known) for match, known in found if match.rule in {"victim", "place"}]
    if found:
        moment = moment_of(report)
        match, known = max(
            found, key=lambda pair: (pair[0].score, -abs(pair[1].last - moment).total_seconds(), pair[1].id)
        )
        if closes:
            return Merge(known.id, "harmless", f"tells of a harmless cause; {match.why}", match.score)
        return Merge(known.id, match.rule, match.why, match.score)
    if closes:
        return Merge(None, "no_attack", "a breakdown with a harmless cause, and no known outage of this victim")
    if report.level < 1:
        return Merge(None, "no_level", "level 0: nothing to tell")
    if _named(report) or report.level >= NAMELESS_OPENS_FROM:
        return Merge(None, "new", "no known incident has this victim at this time", opens=True)
    return Merge(None, "nameless", "names nobody, and its level is too low to open an incident of its own")


def match_incident(report: Report, known: Known) -> Match | None:
    """Say why `report` belongs to `known`, or None."""
    gap = _apart_in_time(report, known)
    if gap is None:
        return None
    likeness = compare_all(report.facts.victims, known.victims)
    if likeness.kind in {Kind.SAME, Kind.VAGUE}:
        return Match("victim", likeness.score, f"same victim: {likeness.why}; {gap}")
    supplier = _same_supplier(report, known)
    if supplier:
        return Match("supplier", 85, f"same supplier: {supplier}; {gap}")
    if likeness.kind is Kind.DIFFERENT or (_named(report) and names_somebody(known.victims)):
        return None
    return _match_nameless(report, known)


def compare_all(some: Sequence[Victim], others: Sequence[Victim]) -> Likeness:
    """Return the best likeness between two lists of victims; a vague one gives way to a different one."""
    found = [compare_victims(one, other) for one in some for other in others]
    nothing = Likeness(Kind.UNRELATED, 0, "no victim in common")
    for kind in (Kind.SAME, Kind.DIFFERENT, Kind.VAGUE):
        best = max((like for like in found if like.kind is kind), key=lambda like: like.score, default=None)
        if best:
            return best
    return nothing


def _named(report: Report) -> bool:
    return names_somebody(report.facts.victims, report.facts.suppliers)


def _apart_in_time(report: Report, known: Known) -> str | None:
    """Say how far apart they are, where it can be one attack; None where it cannot."""
    stated, moment = report.facts.attack_date, moment_of(report)
    if known.retracted_at and stated and stated > known.retracted_at.date():
        return None
    if stated and known.attack_date:
        days = abs((stated - known.attack_date).days)
        return f"dates of attack {days} days apart" if days <= SAME_ATTACK.days else None
    if stated:
        within = known.first.date() - SAME_ATTACK <= stated <= known.last.date() + SAME_ATTACK
        return f"attack on {stated}, news from {known.first.date()} on" if within else None
    start = known.first - SAME_ATTACK
    if known.attack_date:
        start = min(start, _midnight(known.attack_date, known.first))
    if start <= moment <= known.last + SAME_ATTACK:
        return f"published {abs((moment - known.first).days)} days after the first report"
    if any(abs(moment - echo) <= ECHO for echo in known.echoes) and not care_signals(used_signals(report)):
        return "speaks of data only, beside another late report"
    speaks_of_past = report.facts.status in {Status.PAST, Status.RESTORED}
    if speaks_of_past and known.last <= moment <= known.last + OLD_NEWS:
        return f"told as past, {(moment - known.last).days} days after the last report"
    return None


def tells_of_now(report: Report) -> bool:
    """Say whether it can only belong to an incident that was in the news within `SAME_ATTACK` before it.

    Without a date of attack, a word of the past, or data alone, nothing else can make it one of an older one.
    """
    past = report.facts.status in {Status.PAST, Status.RESTORED}
    return not report.facts.attack_date and not past and bool(care_signals(used_signals(report)))


def _midnight(day: date, like: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=like.tzinfo)


def _same_supplier(report: Report, known: Known) -> str | None:
    """Return a supplier that both name; to one of them it may be the victim itself."""
    ours = [(name, True) for name in report.facts.suppliers]
    ours += [(victim.name, False) for victim in report.facts.victims]
    theirs = [(name, True) for name in known.suppliers]
    theirs += [(victim.name, False) for victim in known.victims]
    for name, supplies in ours:
        for other, other_supplies in theirs:
            if (supplies or other_supplies) and _same_company(name, other):
                return name if fold(name) == fold(other) else f"{name} ({other})"
    return None


def _same_company(one: str, other: str) -> bool:
    small, large = sorted((_company(one), _company(other)), key=len)
    return bool(small) and all(any(same_word(word, its) for its in large) for word in small)


def _company(name: str) -> frozenset[str]:
    return read_name(name).core or frozenset(words_of(name))


def _match_nameless(report: Report, known: Known) -> Match | None:
    """Match where one of the two names nobody: by the town, or by a title, within a few days."""
    if not known.first - NAMELESS <= moment_of(report) <= known.last + NAMELESS:
        return None
    if not _countries_agree(report, known):
        return None
    ours = [town(victim.place) for victim in report.facts.victims if victim.place]
    theirs = [town(victim.place) for victim in known.victims if victim.place]
    place = next((one & other for one in ours for other in theirs if one & other), None)
    if place:
        return Match("place", 60, f"same town ({' '.join(sorted(place))}), one of them names nobody")
    if ours_said := _said_in_title(report, known):
        return Match("title", 58, f"{ours_said} stands in the title of the one that names nobody")
    title = fold(report.title)
    best = max((token_sort_ratio(title, fold(other)) for other in known.titles), default=0.0)
    if len(title) >= 20 and best >= LIKE_TITLE:
        return Match("title", 55, "near-identical title, same country, few days apart")
    return None


def _said_in_title(report: Report, known: Known) -> str | None:
    """Return the name of a victim all of whose own words stand in a title of the other side, same country."""
    sides = (report.facts.victims, known.titles), (known.victims, (report.title,))
    countries = {victim.country for victim in report.facts.victims}
    for victims, titles in sides:
        for victim in victims:
            own = {word for word in read_name(victim.name).core if len(word) >= 4}
            if not own or victim.country is None:
                continue
            if victims is known.victims and victim.country not in countries:
                continue
            for title in titles:
                said = town(title)
                if all(any(same_word(word, other) for other in said) for word in own):
                    return victim.name
    return None


def _countries_agree(report: Report, known: Known) -> bool:
    ours = {victim.country for victim in report.facts.victims if victim.country}
    theirs = {victim.country for victim in known.victims if victim.country}
    return bool(ours & theirs) or not (ours and theirs)
