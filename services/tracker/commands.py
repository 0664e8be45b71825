"""`codegrey incidents`: look at incidents, take one back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from shared.settings import Settings


@click.group()
def incidents() -> None:
    """Show incidents with their versions and evidence; retract one."""


@incidents.command("list")
@click.option("--all", "everything", is_flag=True, help="Closed and retracted ones too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_(everything: bool, as_json: bool) -> None:
    """List incidents, the one that changed last first."""
    from services.tracker.read import list_incidents
    from shared.command import print_json, run

    async def work(settings: Settings) -> list[dict[str, Any]]:
        async with _engine(settings) as engine:
            return await list_incidents(engine, everything=everything)

    found = run(work)
    if as_json:
        print_json(found)
        return
    from services.tracker.print import print_list

    print_list(found)


@incidents.command()
@click.argument("incident_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def show(incident_id: str, as_json: bool) -> None:
    """Show one incident: INCIDENT_ID may be the beginning of its id."""
    from services.tracker.read import show_incident
    from shared.command import print_json, run

    async def work(settings: Settings) -> dict[str, Any]:
        async with _engine(settings) as engine:
            return await show_incident(engine, incident_id)

    found = run(work)
    if as_json:
        print_json(found)
        return
    from services.tracker.print import print_incident

    print_incident(found)


@incidents.command()
@click.argument("incident_id")
@click.option("--because", required=True, help="Why; those who were told will read it.")
@click.option("--json", "as_json", is_flag=True, help="Print the retraction as JSON.")
def retract(incident_id: str, because: str, as_json: bool) -> None:
    """Take an incident back. It stays retracted; those who were told are told of it."""
    from services.tracker.retract import retract as take_back
    from shared.command import print_json, run
    from shared.events import Alert

    async def work(settings: Settings) -> Alert:
        async with _engine(settings) as engine:
            return await take_back(engine, incident_id, because)

    alert = run(work)
    if as_json:
        print_json(alert.model_dump(mode="json"))
        return
    click.echo(f"{alert.headline}\nversion {alert.version} of {alert.incident_id}: those who were told will be told.")


class _engine:  # noqa: N801 - reads as what it gives
    """Open the database for one command and close it after."""

    def __init__(self, settings: Settings) -> None:
        from shared.database import open_engine

        self.engine = open_engine(settings)

    async def __aenter__(self) -> AsyncEngine:
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        await self.engine.dispose()
