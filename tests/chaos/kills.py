"""What is killed, and when: half at random moments, half at the worst ones."""

from __future__ import annotations

import random
from dataclasses import dataclass

RANDOM_TARGETS = {
    "ingest": 18,
    "classifier": 18,
    "tracker": 20,
    "notifier": 22,
    "kafka": 9,
    "postgres": 9,
    "supervisor": 3,
    "everything": 1,
}
"""Weights. The servers and the supervisor cost seconds each, so they are killed less often."""

WORST_POINTS = (
    "ingest-after-commit",
    "relay-between-publish-and-mark",
    "classifier-between-publish-and-commit",
    "tracker-between-commit-and-ack",
    "notifier-before-send",
    "notifier-after-send",
    "smtp-after-data",
)
"""Names of `shared.crash.crash_point`, and the moment after DATA, at which the mail sink kills the notifier."""


@dataclass(frozen=True)
class Kill:
    """One kill: a part at a random moment, or whoever reaches a worst point."""

    target: str = ""
    after_s: float = 0.0
    point: str = ""


def plan_kills(count: int, seed: int) -> list[Kill]:
    """Plan `count` kills; the same seed plans the same ones."""
    chance = random.Random(seed)
    names, weights = list(RANDOM_TARGETS), list(RANDOM_TARGETS.values())
    kills = []
    for number in range(count):
        if number % 2:
            kills.append(Kill(point=WORST_POINTS[(number // 2) % len(WORST_POINTS)]))
        else:
            kills.append(Kill(target=chance.choices(names, weights)[0], after_s=chance.uniform(0.0, 3.0)))
    return kills
