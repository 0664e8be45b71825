"""Decide whether an incident, as it now stands, is one that a subscription asked for. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from services.notifier.config import Subscription
from shared.events import Alert
from shared.signals import LEVEL_NAMES

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True)
class Match:
    """The answer with its reason; `watched` is the name on the watch-list that made it match."""

    matches: bool
    reason: str
    watched: str = ""


def match(alert: Alert, subscription: Subscription) -> Match:
    """Compare an alert with what a subscription asks for.

    1. A name on the watch-list: told from level 1, whatever the country.
    2. The country: where none is known yet, a subscription with countries waits until one is learnt.
    3. The level: for an unexplained outage its own minimum, or never.
    """
    outage = alert.kind == "outage"
    if alert.level < 1:
        return Match(False, "level 0: no incident")
    if outage and subscription.outages is None:
        return Match(False, "an outage without a known cause, and this subscription asked for none")
    if name := _watched(alert, subscription):
        return Match(True, f"{name!r} is on the watch-list", name)
    countries = {victim.country for victim in alert.facts.victims if victim.country}
    if subscription.countries is not None:
        if not countries:
            return Match(False, "its country is not known yet, and this subscription names countries")
        if not countries & set(subscription.countries):
            return Match(False, f"it is in {', '.join(sorted(countries))}, not in {', '.join(subscription.countries)}")
    minimum = subscription.outages if outage else subscription.minimum_level
    assert minimum is not None
    level = f"level {alert.level} ({LEVEL_NAMES[alert.level]})"
    what = "outage, cause unknown, " if outage else ""
    if alert.level < minimum:
        return Match(False, f"{what}{level} is below this subscription's minimum of {minimum}")
    return Match(True, f"{what}{level} meets the minimum of {minimum}")


def _watched(alert: Alert, subscription: Subscription) -> str:
    facts = alert.facts
    # A place is no name: "Berlin" on the list means the hospital of that name, not every one there.
    names = [name for victim in facts.victims for name in (victim.name, victim.normalised)]
    texts = [_plain(name) for name in (*names, *facts.suppliers) if name]
    for wanted in subscription.watch:
        plain = _plain(wanted)
        if not plain:
            continue
        # Scripts without blanks between words have no word boundaries to look for.
        edges = ("", "") if _UNSPACED.search(plain) else (r"(?<!\w)", r"(?!\w)")
        pattern = re.compile(f"{edges[0]}{re.escape(plain)}{edges[1]}")
        if any(pattern.search(text) for text in texts):
            return wanted
    return ""


def _plain(text: str) -> str:
    """Fold case and accents, so that "Hôpital Sainte-Anne" is found as "hopital sainte anne"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(re.sub(r"[^\w]+", " ", bare).split())
