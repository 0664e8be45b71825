"""Read who tells of an attack in its own notice: "Notice of Data Security Incident - Hillcrest Family Health"."""

from __future__ import annotations

import re

from services.classifier.reading import Reading
from services.classifier.victims.naming import Mention
from shared.gate.gate import gate_scanner
from shared.gate.scan import lower

_TAIL = re.compile(r"\s(?:\||-|–|—|:::?)\s(?!.*\s(?:\||-|–|—)\s)(?P<name>.{2,60})$")
_CARE = frozenset({"care", "health", "provider", "supplier"})
# Who publishes news is not whom it tells of: "HealthTech Magazine", "Ärzte Zeitung", "Hospital Review".
_PRESS = re.compile(
    r"news|review|journal|magazine|magazin|today|times|post|weekly|daily|security|dive|zeitung|blatt|presse|radio|\btv\b"
    r"|nieuws|krant|tidning|nyheter|avis|noticias|notícias|notizie|diario|diário|giornale|gazet|herald|tribune|online|blog"
    r"|report|insider|record|\binfo|media|portal|\w\.[a-z]{2,3}$|新聞|新闻|ニュース|日報|日报|medscape|becker|hipaa|wire",
    re.IGNORECASE,
)


def publisher_that_tells(reading: Reading) -> Mention | None:
    """Return the care provider whose page a title stands on; asked only where the title names nobody."""
    title = reading.document[: reading.title_length]
    tail = _TAIL.search(title)
    if tail is None or _PRESS.search(tail["name"]):
        return None
    name = tail["name"].strip()
    if not any(hit.concept in _CARE for hit in gate_scanner().hits(lower(name), name)):
        return None
    return Mention(name, *tail.span("name"), reading.sentences[0], frozenset(name.lower().split()))
