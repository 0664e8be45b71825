"""Count what arrived against what was published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from services.launcher.demo.post import Call, Mail
from tests.chaos.attacks import Attack

REPEAT_MARK = "repeat"
"""Stands in the subject of every message that may be a repeat, and in no other."""


@dataclass(frozen=True)
class Tally:
    """Figures of one run. `repeated` counts repeats that no mark and no idempotency key makes harmless."""

    expected: int
    delivered: int
    lost: int
    repeated: int
    marked_repeats: int
    same_key_repeats: int
    missing: tuple[str, ...] = ()


def tally(attacks: Sequence[Attack], mails: Sequence[Mail], calls: Sequence[Call]) -> Tally:
    """Compare every attack with both sinks."""
    by_mail = Counter[str]()
    marked = repeated = 0
    for mail in mails:
        town = _town(attacks, mail.subject)
        if town and by_mail[town]:
            if REPEAT_MARK in mail.subject.lower():
                marked += 1
            else:
                repeated += 1
        if town:
            by_mail[town] += 1
    keys: dict[str, set[str]] = {}
    same_key = 0
    for call in calls:
        town = _town(attacks, f"{call.title} {call.text}")
        if not town:
            continue
        key = call.headers.get("idempotency-key", "")
        if key in keys.setdefault(town, set()):
            same_key += 1
        elif keys[town]:
            repeated += 1
        keys[town].add(key)
    missing = [attack.town for attack in attacks if not by_mail[attack.town] or not keys.get(attack.town)]
    return Tally(
        len(attacks), len(attacks) - len(missing), len(missing), repeated, marked, same_key, tuple(missing[:20])
    )


def _town(attacks: Sequence[Attack], text: str) -> str | None:
    return next((attack.town for attack in attacks if attack.town in text), None)
