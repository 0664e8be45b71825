"""Remember what a subscription was told of an incident, and say what differs since.

Pure. A subscription may have skipped versions, so "what changed" is measured against what it
was last told, never against the version before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from shared.events import Alert, Certainty, Status
from shared.signals import LEVEL_NAMES

_STRENGTH = (Certainty.SUSPECTED, Certainty.CLAIMED, Certainty.REPORTED, Certainty.CONFIRMED)
_MORE_SHOWN = 8

CERTAINTY_WORDS = {
    Certainty.SUSPECTED: "suspected",
    Certainty.CLAIMED: "claimed by the attacker",
    Certainty.REPORTED: "reported",
    Certainty.CONFIRMED: "confirmed by the victim or an authority",
}
STATUS_WORDS = {
    Status.ONGOING: "ongoing",
    Status.CONTAINED: "contained",
    Status.RESTORED: "restored",
    Status.PAST: "over",
    Status.UNKNOWN: "not stated",
}
DATA_WORDS = {"unknown": "not stated", "none": "none taken", "stolen": "stolen", "published": "published"}


class Snapshot(BaseModel):
    """The facts of one alert that a later message is compared with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: int = 1
    level: int = 0
    kind: Literal["incident", "outage"] = "incident"
    certainty: Certainty = Certainty.REPORTED
    status: Status = Status.UNKNOWN
    data: str = "unknown"
    ransom: str = "unknown"
    sites: int | None = None
    attacker: str | None = None
    attack_date: str | None = None
    victims: tuple[str, ...] = ()
    suppliers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()
    retracted: bool = False

    @classmethod
    def of(cls, alert: Alert) -> Snapshot:
        """Take the snapshot of an alert."""
        facts = alert.facts
        return cls(
            version=alert.version,
            level=alert.level,
            kind=alert.kind,
            certainty=facts.certainty,
            status=facts.status,
            data=facts.data,
            ransom=facts.ransom,
            sites=facts.sites,
            attacker=facts.attacker,
            attack_date=facts.attack_date.isoformat() if facts.attack_date else None,
            victims=tuple(victim.name for victim in facts.victims),
            suppliers=facts.suppliers,
            sources=tuple(source.entry_id for source in alert.sources),
            effects=tuple(dict.fromkeys(cited.words or cited.signal for cited in alert.evidence)),
            retracted=alert.reason == "retracted",
        )


@dataclass(frozen=True)
class Difference:
    """One thing that differs. `weight` says whether it is told: `urgent`, `worth` (to those told), `small`."""

    weight: Literal["urgent", "worth", "small"]
    words: str


def differences(before: Snapshot, after: Snapshot) -> list[Difference]:
    """Say what differs between two snapshots, the gravest first."""
    found: list[Difference] = []

    def note(weight: Literal["urgent", "worth", "small"], words: str) -> None:
        found.append(Difference(weight, words))

    if before.kind == "outage" and after.kind == "incident":
        note("urgent", "the outage is now known to be an attack")
    if after.level > before.level:
        note("urgent", f"level rises from {_level(before.level)} to {_level(after.level)}")
    if after.level < before.level:
        note("worth", f"level falls from {_level(before.level)} to {_level(after.level)}")
    if before.certainty != after.certainty:
        stronger = _STRENGTH.index(after.certainty) > _STRENGTH.index(before.certainty)
        confirmed = stronger and after.certainty in {Certainty.CONFIRMED, Certainty.REPORTED}
        note(
            "urgent" if confirmed and after.certainty is Certainty.CONFIRMED else "worth" if confirmed else "small",
            f"now {CERTAINTY_WORDS[after.certainty]} (was: {CERTAINTY_WORDS[before.certainty]})",
        )
    if after.data != before.data:
        first = after.data == "published" or (after.data == "stolen" and before.data != "published")
        note(
            "worth" if after.data == "published" else "small",
            f"data: {DATA_WORDS.get(after.data, after.data)}"
            + ("" if first else f" (was: {DATA_WORDS.get(before.data, before.data)})"),
        )
    if more := _new(before.victims, after.victims):
        note("worth", f"also named: {_some(more)}")
    if after.status != before.status and after.status is not Status.UNKNOWN:
        better = after.status in {Status.RESTORED, Status.CONTAINED, Status.PAST}
        note("worth" if better else "small", f"status: {STATUS_WORDS[after.status]}")
    if more := _new(before.effects, after.effects):
        note("small", f"newly reported: {_some(more)}")
    if gone := _new(after.effects, before.effects):
        note("small", f"no longer reported: {_some(gone)}")
    if more := _new(before.suppliers, after.suppliers):
        note("small", f"supplier named: {_some(more)}")
    if after.sites and after.sites != before.sites:
        note("small", f"care sites affected: {after.sites}" + (f" (was: {before.sites})" if before.sites else ""))
    if after.attacker and after.attacker != before.attacker:
        note("small", f"attacker named: {after.attacker}")
    if after.ransom != before.ransom and after.ransom != "unknown":
        note("small", f"ransom: {after.ransom}")
    if after.attack_date and after.attack_date != before.attack_date:
        note("small", f"date of the attack: {after.attack_date}")
    if more := _new(before.sources, after.sources):
        note("small", f"{len(more)} more {'source' if len(more) == 1 else 'sources'}")
    rank = {"urgent": 0, "worth": 1, "small": 2}
    return sorted(found, key=lambda one: rank[one.weight])


def _level(level: int) -> str:
    return f"{level} ({LEVEL_NAMES[level]})"


def _new(before: tuple[str, ...], after: tuple[str, ...]) -> list[str]:
    known = {one.casefold() for one in before}
    return [one for one in after if one.casefold() not in known]


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_MORE_SHOWN])
    return shown if len(names) <= _MORE_SHOWN else f"{shown} and {len(names) - _MORE_SHOWN} more"
