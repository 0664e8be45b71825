"""`codegrey incidents` as a person runs it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tracker.commands import incidents
from services.tracker.handle import handler
from shared.settings import Settings
from tests.tracker.reports import Signal, received, report


async def _run(settings: Settings, *arguments: str) -> Result:
    environment = {"CODEGREY_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.to_thread(CliRunner().invoke, incidents, arguments, env=environment)


async def _json(settings: Settings, *arguments: str) -> Any:
    result = await _run(settings, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.servers
async def test_incidents_are_listed_shown_and_retracted(engine: AsyncEngine, settings: Settings) -> None:
    """Data on standard output; the beginning of an id is enough; a second retraction is refused."""
    one = report("Clinique [red]du Lac", Signal.EMERGENCY_CLOSED, title="The [bold] clinic is closed")
    await handler(engine, asyncio.Event())(received(one))
    listed = await _json(settings, "list")
    assert [(row["level"], row["state"], row["version"]) for row in listed] == [(4, "open", 1)]
    prefix = listed[0]["id"][:8]
    shown = await _json(settings, "show", prefix)
    assert shown["versions"][0]["evidence"][0]["signal"] == "emergency_closed"
    for arguments in (("list",), ("show", prefix)):
        printed = await _run(settings, *arguments)
        assert printed.exit_code == 0, printed.output
        assert "Clinique [red]du Lac" in " ".join(printed.stdout.split())
    missing = await _run(settings, "show", "ffff")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "no incident 'ffff'" in missing.stderr
    assert (await _run(settings, "retract", prefix)).exit_code == 2
    retracted = await _json(settings, "retract", prefix, "--because", "an exercise")
    assert (retracted["reason"], retracted["note"]) == ("retracted", "an exercise")
    assert (await _run(settings, "retract", prefix, "--because", "again")).exit_code == 1
    assert await _json(settings, "list") == []
    assert [row["state"] for row in await _json(settings, "list", "--all")] == ["retracted"]
    assert "retracted because: an exercise" in (await _run(settings, "show", prefix)).stdout
