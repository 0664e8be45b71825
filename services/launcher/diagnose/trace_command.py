"""The command `codegrey trace`."""

from __future__ import annotations

import click

from shared.command import print_json, run
from shared.settings import Settings


@click.command()
@click.argument("what", metavar="ALERT|INCIDENT|URL")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def trace(what: str, as_json: bool) -> None:
    """Tell when an item passed each point of the road, for each target, and which step was the slowest.

    Published (its publisher's word), seen, in Kafka, judged, merged, matched, sent, accepted. Take an
    article's address, or an alert's or an incident's id, or the beginning of one.
    """
    from dataclasses import asdict

    from services.launcher.diagnose.trace import TracedItem, lines
    from services.launcher.diagnose.trace import trace as follow
    from shared.database import open_engine

    async def work(settings: Settings) -> list[TracedItem]:
        engine = open_engine(settings)
        try:
            return await follow(engine, what)
        finally:
            await engine.dispose()

    found = run(work)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    for one in found:
        click.echo("\n".join(lines(one)))
