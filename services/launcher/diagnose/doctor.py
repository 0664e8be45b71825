"""`codegrey doctor`: look at everything that can be wrong on this machine, and say what to do about each."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from shared.command import print_json, run
from shared.settings import Settings

if TYPE_CHECKING:
    from services.launcher.diagnose.examine import Finding

SHOWN_FEEDS = 15
"""Of the feeds that cannot be read: where all cannot, one line says as much as hundreds."""
_MARKS = {"fine": ("✓", "green"), "odd": ("!", "yellow"), "wrong": ("✗", "red"), "unseen": ("·", "white")}


@click.command()
@click.option("--feeds/--no-feeds", "with_feeds", default=True, help="Fetch every configured feed once as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def doctor(*, with_feeds: bool, as_json: bool) -> None:
    """Look at everything that can be wrong here, and say what to do.

    Configuration, channels, disk, services, Kafka, database, clock, DNS, certificates, mail login, feeds.
    Changes nothing and sends nothing; works with and without a running `codegrey up`. Exits with 1 where
    something is wrong.
    """

    async def work(settings: Settings) -> list[Finding]:
        from services.launcher.diagnose import examine

        configured, found = examine.read_configuration(settings)
        _show(found, quiet=as_json)
        for name, look in examine.looks(settings, configured):
            seen = await examine.looked(name, look)
            _show(seen, quiet=as_json)
            found += seen
        if with_feeds:
            bad = total = 0
            async for one in examine.feeds(settings, configured):
                found.append(one)
                total += 1
                bad += one.state != "fine"
                _show([one] if one.state != "fine" and bad <= SHOWN_FEEDS else [], quiet=as_json)
            if total and not as_json:
                more = f"; `codegrey feeds check --all` shows all {bad}" if bad > SHOWN_FEEDS else ""
                click.echo(f"  {total - bad} of {total} feeds can be read and hold entries{more}")
        return found

    found = run(work)
    wrong = sum(one.state == "wrong" for one in found)
    if as_json:
        print_json([asdict(one) for one in found])
    odd = sum(one.state == "odd" for one in found)
    click.echo(f"{wrong} wrong, {odd} odd, {sum(one.state == 'fine' for one in found)} fine", err=True)
    sys.exit(1 if wrong else 0)


def _show(found: list[Finding], *, quiet: bool) -> None:
    """Print findings as they come: some looks take their time."""
    if quiet:
        return
    for one in found:
        mark, colour = _MARKS[one.state]
        said = one.said.replace("\n", "\n    ")
        click.echo(f"{click.style(mark, fg=colour)} {click.style(one.check, bold=True)}: {said}")
        if one.advice:
            click.echo(f"    → {one.advice}")
