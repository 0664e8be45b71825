"""`codegrey silence`, `unsilence` and `silences list`: hear no more of an incident, until it gets worse."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from shared.command import print_json, run_with_database, stop
from shared.moment import SHAPE, read_moment

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

MOST_WORDS = 500

_incident = click.argument("incident_id", metavar="INCIDENT")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.command()
@_incident
@click.option("--subscription", help="Only for this subscription; otherwise for all of them.")
@click.option("--until", metavar="WHEN", help=f"{SHAPE}. Otherwise until it is worse.")
@click.option("--because", default="", help="Why: stands beside each decision in `codegrey why`.")
@_json
def silence(incident_id: str, subscription: str | None, until: str | None, because: str, as_json: bool) -> None:
    """Tell nothing more of INCIDENT until its level rises. Retracted or closed it is told all the same."""
    end = read_moment(until, datetime.now(UTC)) if until else None
    if until and end is None:
        stop(f"--until {until!r} is no moment: write {SHAPE}", 2)

    async def work(engine: AsyncEngine) -> dict[str, Any]:
        from services.notifier.silences import impose

        return await impose(engine, await _find(engine, incident_id), subscription, end, because.strip()[:MOST_WORDS])

    row = run_with_database(work)
    if as_json:
        print_json(row)
    else:
        click.echo(silence_words(row))


@click.command()
@_incident
@click.option("--subscription", help="Only the silence of this subscription; otherwise every one on the incident.")
@_json
def unsilence(incident_id: str, subscription: str | None, as_json: bool) -> None:
    """Take back the silences on INCIDENT. What was not told meanwhile comes with its next version."""

    async def work(engine: AsyncEngine) -> tuple[str, int]:
        from services.notifier.silences import lift

        found = str((await _find(engine, incident_id))["id"])
        return found, await lift(engine, found, subscription)

    found, count = run_with_database(work)
    if as_json:
        print_json({"incident_id": found, "taken_back": count})
    if not count:
        stop(f"no such silence on {found}; `codegrey silences list` shows those in force", 1)
    click.echo(f"{count} taken back: the next version of {found} is told", err=True)


@click.group()
def silences() -> None:
    """See which incidents are silenced."""


@silences.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are over.")
@_json
def list_all(everything: bool, as_json: bool) -> None:
    """List the silences in force."""
    from services.notifier.silences import list_silences

    rows = run_with_database(lambda engine: list_silences(engine, everything=everything))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(silence_words(row))
    if not rows:
        click.echo("no incident is silenced", err=True)


async def _find(engine: AsyncEngine, prefix: str) -> dict[str, Any]:
    from services.tracker.read import find_incident
    from shared.database import transaction

    async with transaction(engine) as connection:
        return await find_incident(connection, prefix)


def silence_words(row: dict[str, Any]) -> str:
    """Say a silence in a line; its headline is made of strangers' words, which must not steer a terminal."""
    whose = f"for {row['subscription']}" if row["subscription"] else "for everybody"
    until = f"until {row['until']:%Y-%m-%d %H:%M} UTC" if row["until"] else "until it is worse"
    ended = row["ended"] or ("" if row.get("in_force", True) else "ran out")
    words = "; ".join(
        part
        for part in (
            f"{row['incident_id'][:12]}  silenced {whose} at level {row['level']}, {until}",
            row["because"],
            ended and f"over: {ended}",
            row["headline"],
        )
        if part
    )
    return "".join(char for char in words if char.isprintable())
