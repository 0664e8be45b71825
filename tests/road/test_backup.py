"""Back up under load, lose the machine, restore on a clean one: nothing is missing, nothing is repeated unmarked."""

from __future__ import annotations

import asyncio
import json
import stat
from collections import defaultdict
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from tests.chaos.attacks import Attack, make_attack, towns
from tests.chaos.stack import Stack
from tests.road.conftest import Road, travelling
from tests.waiting import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]

TOWNS = towns(23)
MARK = "may be a repeat"


def mails(road: Road, attack: Attack) -> list[str]:
    """Return the subjects of the mails on one attack, in the order in which they came."""
    return [mail.subject for mail in road.mail.messages if attack.hospital in mail.subject]


async def trickle(road: Road, published: list[Attack], numbers: count[int]) -> None:
    """Publish an attack every quarter of a second until cancelled."""
    while True:
        attack = make_attack(next(numbers), TOWNS)
        published.append(attack)
        road.feed.add(attack)
        await asyncio.sleep(0.25)


async def test_a_restored_machine_goes_on_where_the_backup_was_taken() -> None:
    """The old machine runs on after the backup and tells more; the new one may tell that again, marked."""
    async with travelling("codegrey-backup-") as road:
        await road.stack.up()
        await road.first_contact()
        published: list[Attack] = []
        numbers = count()
        stream = asyncio.create_task(trickle(road, published, numbers))
        file = road.folder / "codegrey.backup"
        try:
            await wait_until(lambda: len(published) > 12 and mails(road, published[4]), within=60)
            settled = [attack for attack in published if mails(road, attack)]
            await road.command("backup", str(file))
            await wait_until(lambda: len(published) > 30, within=60)
        finally:
            stream.cancel()
            with suppress(asyncio.CancelledError):
                await stream
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        _, said = await road.command("backup", str(file), status=2)
        assert "never overwritten" in said
        await road.stack.down()
        told_before = {attack.number for attack in published if mails(road, attack)}

        old = road.stack
        road.stack = Stack(road.folder / "new", road.environment())
        await restore(road, file)
        assert (road.stack.config / "feeds.yaml").read_text() == (old.config / "feeds.yaml").read_text()
        last = [make_attack(next(numbers), TOWNS) for _ in range(3)]
        published += last
        for attack in last:
            road.feed.add(attack)
        await road.stack.up()
        for attack in published:
            await road.alerted(attack)
        await quiet(road)

        subjects = {attack.number: mails(road, attack) for attack in published}
        assert all(subjects.values()), "nothing is lost"
        unmarked = [number for number, told in subjects.items() if any(MARK not in again for again in told[1:])]
        assert not unmarked, f"told again without saying so: {[subjects[number] for number in unmarked]}"
        twice = [attack.number for attack in settled if len(subjects[attack.number]) > 1]
        assert not twice, f"was told before the backup, and again: {twice}"
        assert told_before
        chats: dict[str, list[str]] = defaultdict(list)
        for call in road.chat.messages:
            chats[next(one.hospital for one in published if one.hospital in call.title)].append(call.title)
        assert all(MARK in again for told in chats.values() for again in told[1:])
        status = await road.ask("status")
        assert all(row["lag"] == 0 for row in status["groups"])
        assert not any(row["dead"] for row in status["topics"])

        await road.stack.down()
        stopped = json.loads((await road.command("backup", str(file.with_name("stopped")), "--json"))[0])
        assert stopped["open_deliveries"] == 0
        assert stopped["topics"]["codegrey.alerts"]["records"] >= len(published)


async def restore(road: Road, file: Path) -> None:
    """Restore into the new stack's folders; refuse to do it a second time."""
    arguments = ["restore", str(file), "--data", str(road.stack.data), "--config", str(road.stack.config), "--json"]
    output, said = await road.command(*arguments)
    assert isinstance(json.loads(output), list)
    assert "deliveries were in doubt" in said
    _, said = await road.command(*arguments, status=2)
    assert "in use" in said


async def quiet(road: Road) -> None:
    """Wait until everything is delivered."""

    async def nothing_waits() -> bool:
        status = await road.ask("status")
        waits = status["deliveries"].get("queued", 0) + status["deliveries"].get("sending", 0)
        return not waits and all(row["lag"] == 0 for row in status["groups"])

    await wait_until(nothing_waits, within=60, every=1.0, what="everything to be delivered")
