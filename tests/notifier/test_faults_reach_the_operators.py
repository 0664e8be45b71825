"""Faults on real servers: the operators' message arrives once, and once more when it is over."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.former import troubles_of_feeds
from services.ingest.quiet import remember
from services.ingest.sources.configured import apply_config
from services.ingest.sources.feeds import Feed
from services.ingest.sources.feeds_file import FeedsFile
from services.ingest.status import feed_troubles
from services.ingest.tables import feed
from services.launcher import disk
from services.launcher.plan import Plan, Service
from services.launcher.supervisor import Supervisor
from services.launcher.terminal import Terminal
from services.launcher.up import our_versions
from services.notifier import send as send_module
from services.notifier.config import Channel, Operators, Subscriptions
from services.notifier.deliver import Deliverer
from services.notifier.handle import Handler
from services.notifier.status import troubles
from services.notifier.tables import delivery
from services.notifier.trouble import BEHIND_FROM, STALLED_AFTER_S, TREND_OVER_S
from services.notifier.watch import BLIND_AFTER_S, Watch
from shared.clock import SETTLED_AFTER_S, ClockLook, EvenClock
from shared.kafka import client_options
from shared.publish import Outgoing, publish_all
from shared.settings import Settings
from shared.topics import REPORTS
from shared.trouble import Trouble
from shared.trouble_board import Board
from shared.trouble_file import write_trouble_file
from tests.notifier.alert_samples import alert, received, subscriptions
from tests.notifier.notifier_sinks import MailSink, WebSink, mail_sink, web_sink
from tests.waiting import wait_until

pytestmark = pytest.mark.servers


@dataclass
class Desk:
    """A notifier's watch with a clock of its own, and a real webhook of the operators behind real deliveries."""

    engine: AsyncEngine
    settings: Settings
    web: WebSink
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    steady: float = 1000.0
    watch: Watch = field(init=False)

    def __post_init__(self) -> None:
        """Start to watch."""
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget everything that a process forgets when it ends."""
        self.watch = Watch(self.engine, self.settings, self.config, self.wake, steady=lambda: self.steady)

    def config(self) -> Subscriptions:
        """Subscribe somebody by mail, and the operators by webhook."""
        wanted = subscriptions()
        channels = wanted.channels | {"ops": Channel(kind="webhook")}
        return wanted.model_copy(update={"channels": channels, "operators": Operators(channels=("ops",))})

    async def look(self, seconds: float = 10.0) -> list[str]:
        """Let time pass, look, deliver; return every message that operators have by now."""
        self.steady += seconds
        await self.watch.look()
        self.wake.set()
        waiting = select(func.count()).where(
            delivery.c.subscription == "operators", delivery.c.state.in_(["queued", "sending"])
        )

        async def delivered() -> bool:
            async with self.engine.connect() as connection:
                return not await connection.scalar(waiting)

        await wait_until(delivered, what="the operators' messages")
        return [request[2]["title"] for request in self.web.requests]


@pytest.fixture
def mail() -> Iterator[MailSink]:
    """Run a mail server."""
    with mail_sink() as sink:
        yield sink


@pytest.fixture
async def desk(
    engine: AsyncEngine,
    settings: Settings,
    topics: Settings,
    mail: MailSink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Desk]:
    """Watch over empty topics, with deliveries under way."""
    monkeypatch.setattr(send_module, "MAIL_S", 1.0)
    monkeypatch.setattr("services.notifier.outcome.BACKOFF_S", (0.1, 0.1, 0.1))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.installation SET at = '2020-01-01Z'"))
    with web_sink() as web:
        monkeypatch.setenv("CODEGREY_CHANNEL_OPS", web.url)
        here = mail.settings(settings).model_copy(
            update={"pause_file": tmp_path / "low-disk", "data": tmp_path, "supervised": True}
        )
        built = Desk(engine, here, web)
        task = asyncio.create_task(Deliverer(engine, here, built.config, built.wake).run())
        try:
            yield built
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def _pair(title: str) -> list[str]:
    return [f"[Code Grey trouble] {title}", f"[Code Grey recovered] {title}"]


async def _records(producer: AIOKafkaProducer, count: int) -> None:
    await publish_all(producer, [Outgoing(REPORTS, b"??", b"{}") for _ in range(count)])


async def _committed(settings: Settings, past: int) -> None:
    """Commit as the tracker would: all but the last `past` records of each partition."""
    consumer = AIOKafkaConsumer(group_id="codegrey-tracker", enable_auto_commit=False, **client_options(settings))
    await consumer.start()
    try:
        partitions = [TopicPartition(REPORTS, number) for number in range(3)]
        consumer.assign(partitions)
        end: dict[Any, int] = await consumer.end_offsets(partitions)
        await consumer.commit({one: max(0, offset - past) for one, offset in end.items()})
    finally:
        await consumer.stop()


async def test_a_consumer_that_stopped(desk: Desk, producer: AIOKafkaProducer) -> None:
    """It lags and takes nothing for five minutes; a notifier that starts anew meanwhile tells nothing twice."""
    title = "consumer codegrey-tracker has stopped"
    await _records(producer, 3)
    assert await desk.look() == []
    assert await desk.look(STALLED_AFTER_S + 1) == _pair(title)[:1]
    desk.begin_anew()
    assert await desk.look() == _pair(title)[:1]
    await _committed(desk.settings, 0)
    assert await desk.look() == _pair(title)
    assert await desk.look() == _pair(title)


async def test_a_consumer_that_falls_behind(desk: Desk, producer: AIOKafkaProducer) -> None:
    """It moves, but the lag grows for a quarter of an hour; it is over when the lag is made up for."""
    title = "consumer codegrey-tracker falls behind"
    for step in range(1, 8):
        await _records(producer, BEHIND_FROM)
        await _committed(desk.settings, BEHIND_FROM * step - step)
        told = await desk.look(TREND_OVER_S / 6)
    assert told == _pair(title)[:1]
    await _committed(desk.settings, BEHIND_FROM - 100)
    assert await desk.look() == _pair(title)[:1]
    await _committed(desk.settings, 0)
    assert await desk.look() == _pair(title)


async def test_a_disk_that_is_nearly_full(desk: Desk, tmp_path: Path) -> None:
    """The supervisor sees it and pauses taking in; the notifier tells of it in its words."""
    free = [900_000_000]
    plan = Plan(tmp_path / "data", our_versions(), {}, free_space=lambda _folder: free[0])
    supervisor = Supervisor(plan, Terminal())
    supervisor.folder.prepare()
    desk.settings = desk.settings.model_copy(update={"pause_file": supervisor.folder.low_disk})
    desk.begin_anew()

    async def after(bytes_free: int) -> list[str]:
        free[0] = bytes_free
        supervisor._watch_disk()
        return await desk.look()

    pair = _pair("the disk is nearly full: taking in news pauses")
    assert await after(disk.PAUSE_BYTES) == []
    assert await after(900_000_000) == pair[:1]
    assert "900 MB free" in str(desk.web.requests[0][2])
    assert await after(disk.PAUSE_BYTES) == pair[:1]
    assert await after(disk.RESUME_BYTES) == pair


async def test_what_is_no_service_reports_by_a_file(desk: Desk) -> None:
    """A command of the same machine, say; it is over when the file is taken back. `status` lists what stands."""
    write_trouble_file(desk.settings.data, "backup", [Trouble("backup", "the last backup failed", "look")])
    assert await desk.look() == _pair("the last backup failed")[:1]
    assert [one["title"] for one in await troubles(desk.engine)] == ["the last backup failed"]
    write_trouble_file(desk.settings.data, "backup", [])
    assert await desk.look() == _pair("the last backup failed")


async def test_a_part_that_keeps_ending(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supervisor starts a real process again and again, and says so; it is over when the process stays up."""
    monkeypatch.setattr("services.launcher.processes.restarts.STEADY_S", 3.0)
    monkeypatch.setattr("services.launcher.processes.backoff.STEPS_S", (0.0,))
    stays = tmp_path / "stays"
    script = (
        f"import sys, time, pathlib\nwhile pathlib.Path({str(stays)!r}).exists(): time.sleep(0.1)\nsys.exit('gone')"
    )
    data = tmp_path / "data"
    plan = Plan(data, our_versions(), {}, own_kafka=False, own_postgres=False, after_postgres=(), after_kafka=())
    supervisor = Supervisor(
        replace(plan, services=(Service("flighty", (sys.executable, "-c", script)),)),
        Terminal(),
    )
    supervisor.prepare()
    desk.settings = desk.settings.model_copy(update={"data": data})
    desk.begin_anew()
    running = asyncio.create_task(supervisor._start())
    title = "flighty keeps ending"

    async def told(count: int) -> list[str]:
        titles = await desk.look()
        return titles if len(titles) >= count else []

    try:
        assert await wait_until(lambda: told(1)) == _pair(title)[:1]
        assert "The last time it ended with status 1: gone" in str(desk.web.requests[0][2])
        stays.touch()
        assert await wait_until(lambda: told(2)) == _pair(title)
    finally:
        running.cancel()
        for task in supervisor._keepers:
            task.cancel()
        await asyncio.gather(running, *supervisor._keepers, return_exceptions=True)
        supervisor._hurrying = True
        await supervisor._drain()
        supervisor.folder.unlock()


async def test_a_clock_that_jumps(desk: Desk, engine: AsyncEngine, producer: AIOKafkaProducer) -> None:
    """From the clock of a service over its report to the operators; over when it has run evenly again."""
    wall, steady = [0.0], [0.0]
    even = EvenClock(lambda: wall[0], lambda: steady[0], "desk")
    board = Board("ingest", producer, "desk")
    board.watch("clock", ClockLook(None, lambda: None, even), every_s=0.0, own=True)

    async def passes(seconds: float, jump: float = 0.0) -> list[str]:
        steady[0] += seconds
        wall[0] += seconds + jump
        await board.turn()
        return await desk.look()

    title = "the clock of desk jumped forward by 2 hours"
    assert await passes(10) == []
    assert await passes(10, jump=7200) == _pair(title)[:1]
    assert await passes(10) == _pair(title)[:1]
    assert await passes(SETTLED_AFTER_S) == _pair(title)


async def test_a_feed_that_goes_quiet(desk: Desk, engine: AsyncEngine, producer: AIOKafkaProducer) -> None:
    """From the feed's own past in ingest's tables to the operators; over when it brings news again."""
    now = datetime.now(UTC)
    past = remember((), [now - timedelta(days=day) for day in range(6, 30)], now)
    known = {"url": "https://paper.example/feed", "config": {"name": "Paper"}, "last_success_at": now}
    async with engine.begin() as connection:
        await connection.execute(insert(feed).values(**known, recent=past, added_at=now - timedelta(days=99)))
    board = Board("ingest", producer)
    board.watch("feeds", lambda: feed_troubles(engine), every_s=0.0)
    await board.turn()
    (told,) = await desk.look()
    assert told.startswith("[Code Grey trouble] The feed Paper has gone quiet: nothing new for 6 days")
    async with engine.begin() as connection:
        await connection.execute(update(feed).values(recent=remember(past, [now], now)))
    for _ in range(2):
        await board.turn()
        (_, over) = await desk.look()
    assert over == told.replace("trouble]", "recovered]")


async def test_a_feed_that_is_taken_out_while_it_is_in_trouble(
    desk: Desk, engine: AsyncEngine, producer: AIOKafkaProducer
) -> None:
    """It did not recover: it is no longer watched. So it is with one that was given another address."""
    now = datetime.now(UTC)
    file = FeedsFile(feeds=[Feed(url=f"https://{name}.example/feed", name=name) for name in ("Paper", "Gone")])
    await apply_config(engine, file)
    async with engine.begin() as connection:
        ended = update(feed).values(last_success_at=now - timedelta(days=9), failures=9, last_error="answered 500")
        await connection.execute(ended)
        await connection.execute(update(feed).where(feed.c.url.icontains("gone")).values(ended_at=now))
        moved = update(feed).where(feed.c.url.icontains("paper")).values(moved_to="https://elsewhere.example/feed")
        await connection.execute(moved)
    for _ in range(2):
        board = Board("ingest", producer)
        board.watch("feeds", lambda: troubles_of_feeds(engine), every_s=0.0)
        await board.turn()
        titles = await desk.look()
        assert len(titles) == 3
    renamed = FeedsFile(feeds=[Feed(url="https://renamed.example/feed", name="Paper")])
    await apply_config(engine, renamed)
    await board.turn()
    assert sorted((await desk.look())[3:]) == sorted(one.replace("trouble]", "no longer watched]") for one in titles)
    assert "taken out of the configuration" in str(desk.web.requests[-1][2])
    await board.turn()
    assert len(await desk.look()) == 6


async def test_a_trouble_outlives_the_service_that_reported_it(desk: Desk, producer: AIOKafkaProducer) -> None:
    """What the service said stands while it is away, and its absence is told, too."""
    quiet = [Trouble("feeds:quiet", "a feed has gone quiet", "look")]
    board = Board("ingest", producer, "desk")
    board.watch("feeds", lambda: asyncio.sleep(0, list(quiet)), every_s=0.0)
    await board.turn()
    assert await desk.look() == _pair("a feed has gone quiet")[:1]
    told = await desk.look(901)
    assert told == [*_pair("a feed has gone quiet")[:1], *_pair("ingest has stopped reporting")[:1]]
    desk.begin_anew()
    assert await desk.look() == told
    quiet.clear()
    await board.turn()
    assert sorted((await desk.look())[2:]) == sorted(
        [_pair("a feed has gone quiet")[1], _pair("ingest has stopped reporting")[1]]
    )


async def test_a_mail_server_that_refuses(desk: Desk, mail: MailSink, engine: AsyncEngine) -> None:
    """Its messages wait in vain for five minutes; when it takes them it is over, and none is lost."""
    mail.answer = "451 4.7.1 come back later"
    await Handler(engine, desk.config)(received(alert()))
    desk.wake.set()

    async def tried() -> bool:
        async with engine.connect() as connection:
            return int(await connection.scalar(select(delivery.c.attempts)) or 0) >= 3

    await wait_until(tried, what="three attempts")
    assert await desk.look() == []
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE notifier.delivery SET created_at = created_at - interval '6 minutes'"))
    title = "channel duty-mail takes no messages"
    assert await desk.look() == _pair(title)[:1]
    assert await desk.look() == _pair(title)[:1]
    mail.answer = "250 kept"
    await wait_until(lambda: mail.mails, what="the alert at last")

    async def over() -> list[str]:
        told = await desk.look()
        return told if len(told) > 1 else []

    assert await wait_until(over) == _pair(title)


async def test_a_trouble_that_no_database_takes_hides_none_of_the_others(
    desk: Desk, producer: AIOKafkaProducer
) -> None:
    """Tell of it as far as it can be kept: too long a key, a number too large, a NUL."""
    odd = [
        Trouble("k" * 100_000, "a long key", "look"),
        Trouble("number", "a large number", "look", 2**70),
        Trouble("nul", "a NUL \x00 in its title", "look \x00 here"),
    ]
    board = Board("ingest", producer, "desk")
    board.watch("feeds", lambda: asyncio.sleep(0, odd), every_s=0.0)
    await board.turn()
    other = Board("tracker", producer, "desk")
    other.watch("outbox", lambda: asyncio.sleep(0, [Trouble("outbox", "a row is refused", "look")]), every_s=0.0)
    await other.turn()
    assert await desk.look() == _pair("4 troubles at once")[:1]
    told = str(desk.web.requests[0][2])
    assert all(words in told for words in ("a long key", "a large number", "in its title", "a row is refused"))
    assert await desk.look() == _pair("4 troubles at once")[:1]


async def test_many_troubles_at_once_are_one_message(desk: Desk, producer: AIOKafkaProducer) -> None:
    """A network that is down must not fill a mailbox."""
    many = [Trouble(f"feed:{number}", f"feed {number} fails", "look") for number in range(30)]
    board = Board("ingest", producer, "desk")
    board.watch("feeds", lambda: asyncio.sleep(0, list(many)), every_s=0.0)
    await board.turn()
    assert await desk.look() == _pair("30 troubles at once")[:1]
    assert "feed 29 fails" in str(desk.web.requests[0][2])
    many[:] = [replace(one, measure=1) for one in many[:1]]
    await board.turn()
    assert await desk.look() == [_pair("30 troubles at once")[0], _pair("29 troubles at once")[1]]


async def test_more_troubles_than_a_message_holds_are_counted(desk: Desk, producer: AIOKafkaProducer) -> None:
    """Forty are listed, and where the others stand is said; also when all of them are over."""
    many = [Trouble(f"feed:{number}", f"feed {number} fails", "look") for number in range(45)]
    board = Board("ingest", producer, "desk")
    board.watch("feeds", lambda: asyncio.sleep(0, list(many)), every_s=0.0)
    await board.turn()
    assert await desk.look() == _pair("45 troubles at once")[:1]
    assert "and 5 more: `codegrey status`" in str(desk.web.requests[0][2])
    assert len(await troubles(desk.engine)) == 45
    many.clear()
    await board.turn()
    assert await desk.look() == _pair("45 troubles at once")
    assert "and 5 more: `codegrey status`" in str(desk.web.requests[1][2])


async def test_a_kafka_that_does_not_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notifier needs no Kafka to say so; what else was wrong is not over because nobody can see it."""
    monkeypatch.setattr("services.notifier.watch.LOOK_EVERY_S", 0.05)
    await desk.watch.tell([Trouble("feeds:quiet", "a feed has gone quiet", "look")])
    well, desk.settings = desk.settings, desk.settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    desk.begin_anew()

    async def told(count: int) -> list[str]:
        desk.wake.set()
        titles = [request[2]["title"] for request in desk.web.requests]
        return titles if len(titles) >= count else []

    watching = asyncio.create_task(desk.watch.run())
    try:
        await wait_until(lambda: desk.watch._blind_since, what="the first fault")
        desk.steady += BLIND_AFTER_S
        assert await wait_until(lambda: told(2)) == [
            *_pair("a feed has gone quiet")[:1],
            *_pair("Kafka does not answer")[:1],
        ]
        desk.watch.observer.settings = well
        last = (await wait_until(lambda: told(4)))[2:]
        assert sorted(last) == sorted([_pair("a feed has gone quiet")[1], _pair("Kafka does not answer")[1]])
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
