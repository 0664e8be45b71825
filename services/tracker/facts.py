"""Merge what the standing reports of one incident state into one set of facts.

Everything here is a function of the set of reports: the order in which they arrived never matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from services.tracker.likeness import Kind, compare_victims
from services.tracker.names import fold, read_name
from services.tracker.reading import in_order
from shared.events import Certainty, Facts, Report, Scope, Status, Victim

T = TypeVar("T")

MAX_VICTIMS = 60
MAX_COMPARED = 200
MAX_SUPPLIERS = 20
MAX_NAME = 300
CERTAINTIES = tuple(Certainty)
"""Weakest first."""
_DATA = ("unknown", "none", "stolen", "published")
_SCOPES = (Scope.UNKNOWN, Scope.SITE, Scope.GROUP, Scope.SUPPLIER, Scope.REGION, Scope.NATIONAL)


def merge_facts(reports: Sequence[Report], told: Sequence[Victim] = ()) -> Facts:
    """Merge facts: the earliest date, the strongest certainty and widest reach, the latest status."""
    ordered = in_order(reports)
    facts = [report.facts for report in ordered]
    dates = [one.attack_date for one in facts if one.attack_date]
    published = [one for one in facts if one.data == "published"]
    return Facts(
        victims=merge_victims((victim for one in facts for victim in one.victims), told),
        suppliers=_suppliers(name for one in facts for name in one.suppliers),
        attacker=_most_said(one.attacker for one in facts),
        attack_date=min(dates, default=None),
        data=max((one.data for one in facts), key=_DATA.index),
        ransom=next((one.ransom for one in reversed(facts) if one.ransom != "unknown"), "unknown"),
        sites=_largest(one.sites for one in facts),
        certainty=strongest(reports),
        status=next((one.status for one in reversed(facts) if one.status is not Status.UNKNOWN), Status.UNKNOWN),
        scope=max((one.scope for one in facts), key=_SCOPES.index),
        diverting_sites=_largest(one.diverting_sites for one in facts),
        sites_down=_largest(one.sites_down for one in facts),
        supplier_customers=any(one.supplier_customers for one in facts),
        disrupted_days=_largest(one.disrupted_days for one in facts),
        published_by_attacker_only=bool(published) and all(_by_attacker(one) for one in published),
    )


def strongest(reports: Sequence[Report]) -> Certainty:
    """Return the strongest certainty among reports."""
    return max((report.facts.certainty for report in reports), key=CERTAINTIES.index)


def merge_victims(victims: Iterable[Victim], told: Sequence[Victim] = ()) -> tuple[Victim, ...]:
    """Keep one spelling of each victim: as it was told, else as most say, then the fuller, then by the alphabet.

    Those that are named come first, the one that is said most before all.
    """
    said = Counter(dict(Counter(victims).most_common(MAX_COMPARED)))
    groups: list[list[Victim]] = []
    for victim in sorted(said, key=lambda one: (-len(one.name), one.name, one.place or "", one.country or "")):
        home = next((group for group in groups if _is_one_of(victim, group)), None)
        if home is None:
            groups.append([victim])
        else:
            home.append(victim)
    often = {group[0]: sum(said[victim] for victim in group) for group in groups}
    groups.sort(key=lambda group: (read_name(group[0].name).empty, -often[group[0]], group[0].name))
    if groups and not read_name(groups[0][0].name).empty:
        groups = [group for group in groups if not read_name(group[0].name).empty]
    before = frozenset(victim.name for victim in told)
    return tuple(_one_for([one for one in group for _ in range(said[one])], before) for group in groups[:MAX_VICTIMS])


def _is_one_of(victim: Victim, group: Sequence[Victim]) -> bool:
    kinds = {compare_victims(victim, other).kind for other in group}
    return (bool(kinds & {Kind.SAME, Kind.VAGUE}) and Kind.DIFFERENT not in kinds) or victim in group


def _one_for(group: Sequence[Victim], told: frozenset[str]) -> Victim:
    names = Counter(victim.name for victim in group)
    name = max(names, key=lambda one: (one[:MAX_NAME] in told, names[one], len(one), one))
    normalised = _most_said(victim.normalised or None for victim in group) or ""
    place = _most_said(victim.place for victim in group)
    return Victim(
        name=name[:MAX_NAME],
        normalised=normalised[:MAX_NAME],
        place=place[:MAX_NAME] if place else None,
        country=_most_said(victim.country for victim in group),
    )


def _suppliers(names: Iterable[str]) -> tuple[str, ...]:
    spellings: dict[str, str] = {}
    for name in sorted(names):
        spellings.setdefault(fold(name), name[:MAX_NAME])
    return tuple(spellings.values())[:MAX_SUPPLIERS]


def _most_said(values: Iterable[str | None]) -> str | None:
    counts = Counter(value for value in values if value)
    return max(counts, key=lambda one: (counts[one], one), default=None)


def _largest(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _by_attacker(facts: Facts) -> bool:
    return facts.published_by_attacker_only or facts.certainty is Certainty.CLAIMED
