"""Data of an earlier release: this program brings it up to date and goes on with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.launcher.backup.database import load_database
from services.launcher.backup.file import DATABASE, read_manifest, staging, unpack
from services.launcher.datafolder import DataFolder, Versions
from services.launcher.postgres.server import PostgresServer
from shared.database import SCHEMAS, head
from tests.chaos.attacks import make_attack, towns
from tests.road.conftest import travelling

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]

KEPT = sorted((Path(__file__).parents[1] / "launcher" / "kept").glob("*.backup"))
TOWNS = towns(7)
"""Those that the kept attacks, numbers 0 to 3, were in."""


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
async def test_data_of_an_earlier_release_is_brought_along_and_used(kept: Path) -> None:
    """What was told is not told again, what was under way is in doubt and marked, what is new is told."""
    async with travelling("codegrey-kept-") as road:
        stack = road.stack
        places = ["--data", str(stack.data), "--config", str(stack.config), "--replace-config", "--json"]
        output, said = await road.command("restore", str(kept), *places)
        manifest = read_manifest(kept)
        for schema in SCHEMAS:
            if manifest.schemas[schema] != head(schema):
                assert f"{schema} went from {manifest.schemas[schema]} to {head(schema)}" in said
        doubtful = json.loads(output)
        assert [one["subscription"] for one in doubtful] == ["duty"] * manifest.open_deliveries
        assert (stack.config.parent / "config.before-restore-1" / "feeds.yaml").exists()

        feeds = f"feeds:\n  - {{url: {road.feed.url}, name: Road News, interval: 1s, allow_private: true}}\n"
        (stack.config / "feeds.yaml").write_text(feeds)
        await stack.up()
        await road.first_contact()
        attack = make_attack(50, TOWNS)
        road.feed.add(attack)
        await road.alerted(attack)

        incidents = [one["headline"] for one in await road.ask("incidents", "list")]
        for number in (0, 1, 2, 3, 50):
            assert any(make_attack(number, TOWNS).hospital in headline for headline in incidents)
        for number in range(3):
            told = make_attack(number, TOWNS).hospital
            assert not [mail.subject for mail in road.mail.messages if told in mail.subject]
        assert not [call.title for call in road.chat.messages if attack.hospital not in call.title]
        last = make_attack(3, TOWNS).hospital
        assert all("may be a repeat" in mail.subject for mail in road.mail.messages if last in mail.subject)
        status = await road.ask("status")
        assert all(row["lag"] == 0 for row in status["groups"])


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
async def test_up_migrates_the_folder_of_an_earlier_release_and_goes_on(kept: Path) -> None:
    """A data folder whose tables are an earlier release's; Kafka's part of it is new here."""
    async with travelling("codegrey-kept-") as road:
        data = road.stack.data
        folder = DataFolder(data)
        folder.prepare()
        server = PostgresServer(data)
        with staging(data) as stage:
            manifest = unpack(kept, stage)
            await server.start()
            try:
                await load_database(server.url(), stage / DATABASE)
            finally:
                await server.stop()
        folder.note_version(Versions(1, manifest.program, manifest.kafka, manifest.postgres))
        await road.stack.up()
        said = road.stack.log.read_text()
        assert "the database is migrated" in said
        await road.first_contact()
        attack = make_attack(51, TOWNS)
        road.feed.add(attack)
        await road.alerted(attack)
        incidents = [one["headline"] for one in await road.ask("incidents", "list")]
        assert all(any(make_attack(n, TOWNS).hospital in headline for headline in incidents) for n in (0, 1, 2, 3, 51))
        found = folder.found_version()
        assert found is not None
        assert found.postgres.startswith(manifest.postgres.split(".")[0])
