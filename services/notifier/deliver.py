"""Send what is queued: claim under a lease, send, write down what came of it.

1. Claim: rows that are due, each by one process only, oldest decision first; never a row while an
   earlier one on the same incident waits for the same target. The lease, in database time, is
   longer than a send may take.
2. Send, several at once.
3. Write the outcomes (`outcome.after` decides what follows) together with the next claim, in one
   transaction: there are many small ones otherwise. Back-off lives in the row.

A row that is still "sending" when its lease has run out, or whose process is known to be gone,
has an unknown outcome: the message may have left.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier.config import CANARY, Subscriptions, Target
from services.notifier.fold import fold_due
from services.notifier.mail import SESSIONS
from services.notifier.message import Message
from services.notifier.metrics import DELIVERY_SECONDS, SEND_SECONDS, SENDS, WAITING, note_accepted
from services.notifier.outcome import After, Delivery, Outcome, Result, State, after
from services.notifier.send import LONGEST_S, send
from shared.crash import crash_point
from shared.database import transaction
from shared.dead_letters import now_utc
from shared.errors import Transient
from shared.log import get_logger
from shared.settings import Settings
from shared.steady import rest, uninterrupted
from shared.storable import storable

log = get_logger()

AT_ONCE = 32
LOOKED_AT = 200
"""Rows of each channel, the oldest first, among which those that may go now are looked for."""
COALESCE_S = 0.01
EACH_CHANNEL = 16
"""Of those, at most so many through one channel: a server that swallows messages holds up nobody else's."""
POLL_S = 0.25
CARE_EVERY_S = 1.0
"""How often folds that are due and rows that were left behind are looked for."""
LEASE_S = LONGEST_S + 30.0
DRAIN_S = 10.0
STUCK_AFTER_S = 30.0

_CLAIM = text("""
    WITH channels AS (
        SELECT DISTINCT channel FROM notifier.delivery WHERE state = 'queued'),
    first AS MATERIALIZED (
        SELECT f.* FROM channels c CROSS JOIN LATERAL (
            SELECT d.id, d.channel, d.seq, d.target, d.subscription, d.incidents FROM notifier.delivery d
            WHERE d.channel = c.channel AND d.state = 'queued' AND d.next_try_at <= clock_timestamp()
            ORDER BY d.seq LIMIT :looked_at) f),
    waiting AS (
        SELECT d.id, d.channel, row_number() OVER (PARTITION BY d.channel ORDER BY d.seq) AS place
        FROM first d
        WHERE NOT EXISTS (
              SELECT 1 FROM notifier.delivery e
              WHERE e.target = d.target AND e.subscription = d.subscription AND e.seq < d.seq
                AND e.state IN ('queued', 'sending') AND e.incidents && d.incidents)),
    busy AS (
        SELECT channel, count(*) AS sends FROM notifier.delivery WHERE state = 'sending' GROUP BY channel),
    due AS (
        SELECT d.id FROM notifier.delivery d
        JOIN waiting w ON w.id = d.id
        LEFT JOIN busy b ON b.channel = w.channel
        WHERE d.state = 'queued' AND w.place + coalesce(b.sends, 0) <= :each
        ORDER BY d.seq LIMIT :room
        FOR UPDATE OF d SKIP LOCKED)
    UPDATE notifier.delivery d
    SET state = 'sending', attempts = attempts + 1, lease_owner = :owner,
        lease_until = clock_timestamp() + make_interval(secs => :lease), sending_at = clock_timestamp()
    FROM due WHERE d.id = due.id
    RETURNING d.*, extract(epoch FROM clock_timestamp() - d.created_at)::float AS age_s
""")
_ORPHANS = text("""
    SELECT d.*, extract(epoch FROM clock_timestamp() - d.created_at)::float AS age_s
    FROM notifier.delivery d
    WHERE d.state = 'sending' AND NOT d.id = ANY(:in_hand)
      AND (d.lease_until < clock_timestamp() OR (starts_with(d.lease_owner, :slot) AND d.lease_owner <> :owner))
    FOR UPDATE SKIP LOCKED
""")
# Only who still holds the lease may write the outcome, and of this attempt only: a send that came back too late
# is settled already, and its row may be under way again, under the same owner's name.
_RECORD = text("""
    UPDATE notifier.delivery d
    SET state = v.state, next_try_at = clock_timestamp() + make_interval(secs => v.wait),
        repeats = v.repeats, possible_repeat = v.possible_repeat, last_error = v.error,
        lease_owner = NULL, lease_until = NULL,
        finished_at = CASE WHEN v.ended THEN clock_timestamp() END
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
        id text, owner text, attempts int, state text, wait float, repeats int, possible_repeat bool, error text,
        ended bool)
    WHERE d.id = v.id AND d.state = 'sending' AND d.lease_owner = v.owner AND d.attempts = v.attempts
""")


@dataclass(frozen=True)
class Sent:
    """What came of one send, not yet written down."""

    row: dict[str, Any]
    message: Message
    outcome: Outcome
    then: After


@dataclass
class Deliverer:
    """Deliver until cancelled. `slot` names a place that only one process holds at a time, or nothing."""

    engine: AsyncEngine
    settings: Settings
    config: Callable[[], Subscriptions]
    wake: asyncio.Event
    slot: str = ""
    last_turn: float = field(default_factory=time.monotonic)
    _sending: set[asyncio.Task[None]] = field(default_factory=set)
    _sent: list[Sent] = field(default_factory=list)
    _owner: str = ""
    _next_care: float = 0.0

    def __post_init__(self) -> None:
        self._owner = f"{self.slot or 'any'}/{secrets.token_hex(6)}"

    async def run(self) -> None:
        """Loop: write outcomes, claim, send, look after what was left behind; at the end, drain."""
        try:
            while True:
                try:
                    await uninterrupted(self.turn())
                except Transient as fault:
                    log.warning("deliveries wait", fault=str(fault))
                    await asyncio.sleep(POLL_S * 4)
                self.last_turn = time.monotonic()
                await rest(self.wake, POLL_S)
                # Sends that end together are followed by one claim, not by one each.
                await asyncio.sleep(COALESCE_S)
        finally:
            if self._sending:
                await asyncio.wait(self._sending, timeout=DRAIN_S)
            for task in self._sending:
                task.cancel()
            await self._write_last()

    async def _write_last(self) -> None:
        try:
            async with transaction(self.engine) as connection:
                self._forget(await self._record(connection))
        except Transient as fault:
            log.warning("outcomes not written; their messages may be repeated, marked so", fault=str(fault))

    async def turn(self) -> int:
        """Do one round; return how many sends were started."""
        started = await self._write_and_claim()
        # After the outcomes are written: what this process knows of must not count as left behind.
        if time.monotonic() >= self._next_care:
            await self._settle_orphans()
            await fold_due(self.engine, self.config())
            SESSIONS.close_idle()
            self._next_care = time.monotonic() + CARE_EVERY_S
        return started

    async def _write_and_claim(self) -> int:
        room = AT_ONCE - len(self._sending)
        if room <= 0 and not self._sent:
            return 0
        rows: Sequence[Any] = ()
        async with transaction(self.engine) as connection:
            written = await self._record(connection)
            if room > 0:
                rows = (await connection.execute(_CLAIM, self._lease(room))).mappings().all()
        self._forget(written)
        for row in sorted(rows, key=lambda row: int(row["seq"])):
            task = asyncio.create_task(self._deliver(dict(row)), name=row["id"])
            self._sending.add(task)
            task.add_done_callback(self._finished)
        return len(rows)

    def trouble(self) -> str | None:
        """Say why deliveries do not flow, or None."""
        idle = time.monotonic() - self.last_turn
        return f"no deliveries for {idle:.0f} s: the loop is stuck" if idle > STUCK_AFTER_S else None

    def _lease(self, room: int) -> dict[str, Any]:
        return {
            "room": room,
            "each": EACH_CHANNEL,
            "looked_at": LOOKED_AT,
            "owner": self._owner,
            "lease": LEASE_S,
        }

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self.wake.set()
        if not task.cancelled() and (fault := task.exception()):
            # The row stays "sending"; its lease runs out and it is settled as unknown.
            log.error("delivery not settled", fault=f"{type(fault).__name__}: {fault}"[:300])

    async def _settle_orphans(self) -> None:
        # A slot is held by one process at a time, so what another run of it was sending is nobody's now.
        # And what is in hand here has an end that is known soon, whatever a clock that jumped says of its lease.
        in_hand = [task.get_name() for task in self._sending] + [one.row["id"] for one in self._sent]
        names = {"owner": self._owner, "slot": f"{self.slot}/" if self.slot else "-", "in_hand": in_hand}
        async with transaction(self.engine) as connection:
            for row in (await connection.execute(_ORPHANS, names)).mappings().all():
                outcome = Outcome(Result.UNKNOWN, "the process ended while it was sending; it may have arrived")
                then = self._after(outcome, row)
                # The time that passed is back-off enough.
                values = self._values(row, outcome, then) | {"owner": row["lease_owner"], "wait": 0.0}
                await connection.execute(_RECORD, {"rows": json.dumps([values])})
                log.warning("delivery left behind", delivery=row["id"], channel=row["channel"], then=then.state.value)

    async def _deliver(self, row: dict[str, Any]) -> None:
        message = Message.model_validate(row["message"])
        target = Target(row["channel"], row["kind"], row["address"])
        crash_point("notifier-before-send")
        started = time.monotonic()
        if row["channel"] in self.config().channels:
            outcome = await send(
                target,
                message,
                delivery_id=row["id"],
                possible_repeat=row["possible_repeat"],
                settings=self.settings,
            )
        else:
            outcome = Outcome(Result.NOT_SENT, f"channel {row['channel']!r} is not in subscriptions.yaml any more")
        crash_point("notifier-after-send")
        SEND_SECONDS.labels(row["channel"]).observe(time.monotonic() - started)
        SENDS.labels(row["channel"], outcome.result.value).inc()
        self._sent.append(Sent(row, message, outcome, self._after(outcome, row)))

    async def _record(self, connection: AsyncConnection) -> list[Sent]:
        """Write the outcomes that wait, and return them; they wait on until the transaction has held."""
        ended = list(self._sent)
        if ended:
            values = [self._values(one.row, one.outcome, one.then) for one in ended]
            await connection.execute(_RECORD, {"rows": json.dumps(values)})
        return ended

    def _forget(self, written: Sequence[Sent]) -> None:
        del self._sent[: len(written)]
        for one in written:
            self._tell(one.row, one.message, one.outcome, one.then)

    def _after(self, outcome: Outcome, row: Any) -> After:
        channel = self.config().channels.get(row["channel"])
        return after(outcome, Delivery.of(row, channel.on_unknown if channel else None))

    def _values(self, row: Any, outcome: Outcome, then: After) -> dict[str, Any]:
        return {
            "id": row["id"],
            "owner": self._owner,
            "attempts": row["attempts"],
            "state": then.state.value,
            "wait": then.wait_s,
            "repeats": then.repeats,
            "possible_repeat": then.possible_repeat,
            # A server's words, some of which no database takes: they must not keep the outcomes from being written.
            "error": None if outcome.result is Result.SENT else storable(outcome.detail)[:500],
            "ended": then.state is not State.QUEUED,
        }

    def _tell(self, row: dict[str, Any], message: Message, outcome: Outcome, then: After) -> None:
        known = {
            "subscription": row["subscription"],
            "channel": row["channel"],
            "level": message.level,
            "headline": message.headline,
            "correlation_id": row["correlation_id"],
        }
        if outcome.result is Result.SENT:
            DELIVERY_SECONDS.labels(row["channel"]).observe(row["age_s"])
            note_accepted(row, now_utc())
            shown = row["subscription"] != CANARY
            log.info("told", kind=message.kind, possible_repeat=row["possible_repeat"], show=shown, **known)
        elif then.state is State.QUEUED:
            log.warning(
                "not told yet",
                why=outcome.detail,
                again_in_s=then.wait_s,
                attempts=row["attempts"],
                show=row["attempts"] == 1,
                **known,
            )
        else:
            log.error("not told", why=outcome.detail, state=then.state.value, show=True, **known)


async def count_waiting(engine: AsyncEngine) -> int:
    """Count what is not finished, for the metric."""
    async with transaction(engine) as connection:
        count = await connection.scalar(
            text("SELECT count(*) FROM notifier.delivery WHERE state IN ('queued', 'sending')")
        )
    WAITING.set(count or 0)
    return int(count or 0)
