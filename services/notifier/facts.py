"""Put the facts of an alert into labelled words, in the order in which a reader asks for them. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

from babel import Locale
from pydantic import BaseModel, ConfigDict

from services.notifier.neutral import clean
from services.notifier.snapshot import CERTAINTY_WORDS, DATA_WORDS, STATUS_WORDS
from shared.events import Alert, Facts, Status
from shared.signals import LEVEL_NAMES

_SCOPE_WORDS = {
    "group": "a group of hospitals",
    "region": "a region",
    "national": "a whole country",
    "supplier": "the customers of a shared supplier",
}


class Fact(BaseModel):
    """One labelled fact."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    label: str
    value: str


def facts(alert: Alert) -> tuple[Fact, ...]:
    """List the facts in the order in which a reader asks for them."""
    known = alert.facts
    rows: list[tuple[str, str]] = []
    if known.victims:
        names = [_victim(victim.name, victim.place, victim.country) for victim in known.victims[:8]]
        more = len(known.victims) - 8
        rows.append(("Who", "; ".join(names) + (f" and {more} more" if more > 0 else "")))
    if known.suppliers:
        rows.append(("Supplier", ", ".join(clean(name, 120) for name in known.suppliers[:5])))
    if where := place(known):
        rows.append(("Where", where))
    if known.attack_date:
        rows.append(("Since", day(known.attack_date)))
    elif alert.first_published:
        rows.append(("First reported", moment(alert.first_published)))
    if known.sites:
        rows.append(("Care sites", str(known.sites)))
    if scope := _SCOPE_WORDS.get(str(known.scope)):
        rows.append(("Reach", scope))
    count = len(alert.sources)
    sources = f"{count} {'source' if count == 1 else 'sources'}"
    if alert.independent_sources and alert.independent_sources < count:
        sources += f" ({alert.independent_sources} of their own, the others repeat them)"
    rows.append(("How sure", f"{CERTAINTY_WORDS[known.certainty]}, {sources}"))
    if known.status is not Status.UNKNOWN:
        rows.append(("State", STATUS_WORDS[known.status]))
    if alert.peak > alert.level:
        rows.append(("At its worst", f"level {alert.peak} ({LEVEL_NAMES[alert.peak]})"))
    if known.data != "unknown":
        rows.append(("Patient data", DATA_WORDS.get(known.data, known.data)))
    if known.ransom != "unknown":
        rows.append(("Ransom", "none" if known.ransom == "none" else known.ransom))
    if known.attacker:
        rows.append(("Attacker", clean(known.attacker, 120)))
    return tuple(Fact(label=label, value=value) for label, value in rows)


def _victim(name: str, town: str | None, country: str | None) -> str:
    where = ", ".join(part for part in (clean(town or "", 80), country or "") if part)
    return clean(name, 160) + (f" ({where})" if where else "")


def place(known: Facts) -> str:
    """Name the countries."""
    codes = dict.fromkeys(victim.country for victim in known.victims if victim.country)
    return ", ".join(_countries().get(code, code) for code in codes)


@cache
def _countries() -> dict[str, str]:
    return {str(code): str(name) for code, name in Locale("en").territories.items()}


def day(value: date) -> str:
    """Write a day without ambiguity, e.g. "Saturday 3 December 2022"."""
    return f"{value:%A} {value.day} {value:%B %Y}"


def moment(value: datetime) -> str:
    """Write a moment in UTC."""
    value = value.astimezone(UTC)
    return f"{value.day} {value:%b %Y %H:%M} UTC"
