"""After a restore: what was under way at the backup may have been sent since, by the machine that is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.config import Channel
from services.notifier.outcome import Delivery, Outcome, Result, State, after
from shared.database import transaction

DOUBT_HOURS = 24
"""So long after the first start what is told is marked: the machine that is gone may have told it after the backup."""
_DETAIL = "restored from a backup: it may have been sent after that was taken"

_OPEN = text("""
    SELECT d.*, extract(epoch FROM clock_timestamp() - d.created_at)::float AS age_s
    FROM notifier.delivery d WHERE d.state IN ('queued', 'sending') ORDER BY d.seq FOR UPDATE
""")
_SETTLE = text("""
    UPDATE notifier.delivery
    SET state = :state, repeats = :repeats, possible_repeat = :possible_repeat, last_error = :error,
        next_try_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
        finished_at = CASE WHEN :ended THEN clock_timestamp() END
    WHERE id = :id
""")
# Whoever writes a delivery, and however: the mark must not depend on every place in the code that makes one.
_DOUBT = (
    "DELETE FROM notifier.restoration",
    "INSERT INTO notifier.restoration DEFAULT VALUES",
    f"""
    CREATE OR REPLACE FUNCTION notifier.doubt_after_restore() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
        NEW.possible_repeat := NEW.possible_repeat OR EXISTS (
            SELECT FROM notifier.restoration
            WHERE started_at IS NULL OR started_at > clock_timestamp() - interval '{DOUBT_HOURS} hours');
        RETURN NEW;
    END $body$
    """,
    """
    CREATE OR REPLACE TRIGGER doubt_after_restore BEFORE INSERT ON notifier.delivery
    FOR EACH ROW EXECUTE FUNCTION notifier.doubt_after_restore()
    """,
)
_STARTED = text("UPDATE notifier.restoration SET started_at = clock_timestamp() WHERE started_at IS NULL")


@dataclass(frozen=True)
class Settled:
    """A delivery that nobody knows the outcome of, and what becomes of it."""

    subscription: str
    target: str
    subject: str
    created_at: datetime
    then: str


async def settle_restored(connection: AsyncConnection, channels: Mapping[str, Channel]) -> list[Settled]:
    """Settle what had not ended by each channel's policy for unknown outcomes; return all of it.

    What is decided from now on is marked as a possible repeat, too, until a day after the first start (`note_start`):
    a trigger looks when that was, so that nothing has to be undone.
    """
    settled = []
    for row in (await connection.execute(_OPEN)).mappings().all():
        channel = channels.get(row["channel"])
        doubt = Delivery.of(dict(row), channel.on_unknown if channel else None)
        then = after(Outcome(Result.UNKNOWN, _DETAIL), doubt)
        values = {
            "id": row["id"],
            "state": then.state.value,
            "repeats": then.repeats,
            "possible_repeat": then.possible_repeat,
            "error": _DETAIL,
            "ended": then.state is not State.QUEUED,
        }
        await connection.execute(_SETTLE, values)
        subject = str(row["message"].get("subject") or row["message"].get("headline") or row["purpose"])
        settled.append(Settled(row["subscription"], row["target"], subject, row["created_at"], _words(then.state)))
    for statement in _DOUBT:
        await connection.execute(text(statement))
    return settled


async def note_start(engine: AsyncEngine) -> None:
    """Note that the notifier starts: after a restore its first start begins the day of doubt, no later one."""
    async with transaction(engine) as connection:
        await connection.execute(_STARTED)


def _words(state: State) -> str:
    return "will be sent again, marked as a possible repeat" if state is State.QUEUED else "held: it may have arrived"
