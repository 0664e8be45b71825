"""Name what came of one attempt to send, and decide what follows from it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BACKOFF_S = (5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0)
GIVE_UP_AFTER_S = 24 * 3600.0
MOST_REPEATS = 5
"""So often at most is a message sent again that may have arrived; then it is held for a person."""


class Result(StrEnum):
    """What is known after an attempt."""

    SENT = "sent"
    REFUSED = "refused for good"
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    """The result with its evidence in words; `detail` holds no secret."""

    result: Result
    detail: str = ""


class State(StrEnum):
    """The states of a delivery."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    GAVE_UP = "gave_up"


LOST = (State.UNKNOWN, State.FAILED, State.GAVE_UP)
"""Ended without anybody knowing that it arrived: operators are told."""


@dataclass(frozen=True)
class After:
    """What becomes of the delivery: its state, when it is tried again, and how it is then marked."""

    state: State
    wait_s: float = 0.0
    repeats: int = 0
    possible_repeat: bool = False


@dataclass(frozen=True)
class Delivery:
    """What the decision needs to know of a delivery."""

    kind: str
    on_unknown: str
    attempts: int
    repeats: int
    possible_repeat: bool
    age_s: float

    @classmethod
    def of(cls, row: Mapping[str, Any], on_unknown: str | None) -> Delivery:
        """Read a row, with the policy of its channel; a channel that is gone has the default one."""
        return cls(
            kind=row["kind"],
            on_unknown=on_unknown or "repeat",
            attempts=row["attempts"],
            repeats=row["repeats"],
            possible_repeat=row["possible_repeat"],
            age_s=row["age_s"],
        )


def after(outcome: Outcome, delivery: Delivery) -> After:
    """Decide what follows.

    1. Sent, or refused for good: it ends.
    2. Surely not sent: again, later and later, for a day; then it is given up.
    3. Unknown: a webhook carries an idempotency key, so a repeat is harmless and unmarked.
       Elsewhere the channel's policy decides: hold it for a person, or repeat it, marked as what
       may be a repeat, but not for ever: a server that swallows every answer would flood people.
    """
    repeats, marked = delivery.repeats, delivery.possible_repeat
    if outcome.result is Result.SENT:
        return After(State.SENT, 0.0, repeats, marked)
    if outcome.result is Result.REFUSED:
        return After(State.FAILED, 0.0, repeats, marked)
    wait = BACKOFF_S[min(max(delivery.attempts, 1), len(BACKOFF_S)) - 1]
    if outcome.result is Result.UNKNOWN and delivery.kind != "webhook":
        if delivery.on_unknown == "hold" or repeats >= MOST_REPEATS:
            return After(State.UNKNOWN, 0.0, repeats, marked)
        repeats, marked = repeats + 1, True
    if delivery.age_s + wait > GIVE_UP_AFTER_S:
        return After(State.UNKNOWN if marked else State.GAVE_UP, 0.0, repeats, marked)
    return After(State.QUEUED, wait, repeats, marked)
