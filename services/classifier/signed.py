"""Tell a provider that signs its own notice from the paper that prints a headline: both stand behind a dash."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shared.gate.scan import Hit

_SIGNATURE = re.compile(r"\s(?:\||-|–|—|:::?)\s(?!.*\s(?:\||-|–|—)\s)(.{2,60})$")
# What a paper's name holds, where a provider's name holds none: "Healthcare IT News", "Hospital Review".
_PRESS = re.compile(
    r"\b(?:news|review|journal|times|post|today|magazine|dive|daily|herald|tribune|gazette|insider|weekly|report|wire"
    r"|management|executive|leaders?|info|infosecurity|tv|radio|blog|zeitung|blatt|tageblatt|nachrichten|ärzteblatt"
    r"|presse|monde|quotidiano|diario|jornal|dagens|tidning\w*)\b|\.\w{2,4}$|(?:news|info|zeitung|blatt)$",
    re.IGNORECASE,
)


def signs_itself(title: str, hits: Iterable[Hit]) -> bool:
    """Say whether a provider stands behind its own notice: "Notice of data security incident | X Family Dental"."""
    signature = _SIGNATURE.search(title)
    if signature is None or _PRESS.search(signature[1]):
        return False
    houses = [hit.start for hit in hits if hit.concept == "care" and hit.end <= len(title)]
    return bool(houses) and min(houses) >= signature.start(1)
