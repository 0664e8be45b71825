"""What follows from an attempt to send, and how its outcome is read from a service's own words."""

from __future__ import annotations

import pytest

from services.notifier.evidence import Line, read_evidence
from services.notifier.outcome import (
    BACKOFF_S,
    GIVE_UP_AFTER_S,
    MOST_REPEATS,
    Delivery,
    Outcome,
    Result,
    State,
    after,
)


def _delivery(**changes: object) -> Delivery:
    known: dict[str, object] = {
        "kind": "email",
        "on_unknown": "repeat",
        "attempts": 1,
        "repeats": 0,
        "possible_repeat": False,
        "age_s": 0.0,
    }
    return Delivery(**(known | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("result", "changes", "state", "marked"),
    [
        (Result.SENT, {}, State.SENT, False),
        (Result.REFUSED, {}, State.FAILED, False),
        (Result.NOT_SENT, {}, State.QUEUED, False),
        (Result.NOT_SENT, {"age_s": GIVE_UP_AFTER_S}, State.GAVE_UP, False),
        (Result.NOT_SENT, {"possible_repeat": True}, State.QUEUED, True),
        (Result.NOT_SENT, {"possible_repeat": True, "age_s": GIVE_UP_AFTER_S}, State.UNKNOWN, True),
        (Result.UNKNOWN, {}, State.QUEUED, True),
        (Result.UNKNOWN, {"on_unknown": "hold"}, State.UNKNOWN, False),
        (Result.UNKNOWN, {"repeats": MOST_REPEATS}, State.UNKNOWN, False),
        (Result.UNKNOWN, {"kind": "webhook", "on_unknown": "hold"}, State.QUEUED, False),
        (Result.UNKNOWN, {"kind": "webhook", "age_s": GIVE_UP_AFTER_S}, State.GAVE_UP, False),
    ],
)
def test_what_follows_from_each_outcome(result: Result, changes: dict[str, object], state: State, marked: bool) -> None:
    """Prefer a marked repeat to a lost alert, unless the channel says otherwise."""
    then = after(Outcome(result), _delivery(**changes))
    assert (then.state, then.possible_repeat) == (state, marked)


def test_tries_come_later_and_later_for_a_day() -> None:
    """Walk a delivery through a channel that never answers until it is given up."""
    age, attempts, waits = 0.0, 0, []
    while True:
        attempts += 1
        then = after(Outcome(Result.NOT_SENT), _delivery(attempts=attempts, age_s=age))
        if then.state is not State.QUEUED:
            break
        waits.append(then.wait_s)
        age += then.wait_s
    assert then.state is State.GAVE_UP
    assert waits[:5] == [5, 15, 60, 300, 900]
    assert waits == sorted(waits)
    assert GIVE_UP_AFTER_S - BACKOFF_S[-1] <= age <= GIVE_UP_AFTER_S


REFUSED = "Socket Exception: HTTPSConnectionPool(host='h', port=1): Max retries exceeded with url: /x (Caused by "


@pytest.mark.parametrize(
    ("level", "text", "result"),
    [
        ("DEBUG", REFUSED + "NewConnectionError('[Errno 111] Connection refused'))", Result.NOT_SENT),
        ("DEBUG", REFUSED + "NameResolutionError(\"Failed to resolve 'h'\"))", Result.NOT_SENT),
        ("DEBUG", REFUSED + "ConnectTimeoutError('Connection to h timed out. (connect timeout=1)'))", Result.NOT_SENT),
        ("DEBUG", REFUSED + "SSLError(SSLCertVerificationError(1, 'CERTIFICATE_VERIFY_FAILED')))", Result.NOT_SENT),
        ("DEBUG", "Socket Exception: HTTPConnectionPool(host='h'): Read timed out. (read timeout=1)", Result.UNKNOWN),
        ("DEBUG", "Socket Exception: ('Connection aborted.', RemoteDisconnected('closed'))", Result.UNKNOWN),
        ("DEBUG", "Socket Exception: ('Connection aborted.', ConnectionResetError(104, 'reset'))", Result.UNKNOWN),
        ("WARNING", "Failed to send JSON POST notification: Not Found, error=404.", Result.NOT_SENT),
        ("WARNING", "Failed to send Slack notification: error=429.", Result.NOT_SENT),
        ("WARNING", "Failed to send JSON POST notification: error=500.", Result.NOT_SENT),
        ("WARNING", "Failed to send JSON POST notification: error=503.", Result.NOT_SENT),
        ("WARNING", "Failed to send JSON POST notification: error=504.", Result.UNKNOWN),
        ("WARNING", "Failed to send JSON POST notification: error=400.", Result.REFUSED),
        ("WARNING", "Failed to send something, somehow", Result.UNKNOWN),
        ("DEBUG", "JSON Payload: {'message': 'the ward said: Connection refused, error=404'}", Result.UNKNOWN),
        ("DEBUG", "Response Details: b'error=400'", Result.UNKNOWN),
    ],
)
def test_the_outcome_is_read_from_faults_and_answers_and_never_from_the_message(
    level: str, text: str, result: Result
) -> None:
    """Say "not sent" only where nothing can have arrived."""
    outcome = read_evidence([Line(level, text)])
    assert outcome.result is result
    assert "/x" not in outcome.detail
