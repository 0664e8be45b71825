"""`codegrey outbox` as a person runs it."""

from __future__ import annotations

import asyncio
import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.launcher.outbox import outbox
from shared.settings import Settings

pytestmark = pytest.mark.servers


async def _run(settings: Settings, *arguments: str, answer: str = "") -> Result:
    environment = {"CODEGREY_DATABASE_URL": settings.database_url.get_secret_value()}
    return await asyncio.to_thread(CliRunner().invoke, outbox, arguments, input=answer, env=environment)


async def test_rows_are_listed_retried_and_dropped_only_after_a_word(engine: AsyncEngine, settings: Settings) -> None:
    """Data on standard output, questions elsewhere; a name that is not there ends with 1, no name at all with 2."""
    async with engine.begin() as connection:
        for schema in ("tracker", "ingest", "ingest"):
            await connection.execute(
                text(
                    f"INSERT INTO {schema}.outbox (topic, key, value, headers, refused_at, error) "
                    "VALUES ('codegrey.alerts', 'k', 'v', '[]', now(), 'too large')"
                )
            )
    rows = json.loads((await _run(settings, "list", "--json")).stdout)
    first, second, third = (row["name"] for row in rows)
    assert {(row["reason"], row["bytes"]) for row in rows} == {("too large", 1)}
    assert f"{first}  " in (await _run(settings, "list")).stdout
    assert (await _run(settings, "retry")).exit_code == (await _run(settings, "drop", first, "--all")).exit_code == 2
    retried = await _run(settings, "retry", first, "tracker:77", "--json")
    assert (retried.exit_code, json.loads(retried.stdout)) == (1, [first])
    assert "not set aside: tracker:77" in retried.stderr
    kept = await _run(settings, "drop", second, answer="n\n")
    assert (kept.exit_code, kept.stdout) == (1, "")
    dropped = await _run(settings, "drop", second, "--json", answer="y\n")
    assert (dropped.exit_code, json.loads(dropped.stdout)) == (0, [second])
    assert json.loads((await _run(settings, "drop", "--all", "--yes", "--json")).stdout) == [third]
    assert json.loads((await _run(settings, "list", "--json")).stdout) == []
    assert (await _run(settings, "drop", "--all", "--yes")).exit_code == 0
