"""`codegrey news replay`: publish stored news again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from shared.command import print_json, run, stop
from shared.moment import SHAPE, read_moment

if TYPE_CHECKING:
    from shared.settings import Settings


@click.group()
def news() -> None:
    """Deal with the news that ingest has stored."""


@news.command()
@click.option("--since", metavar="WHEN", help=f"Read by us since then: {SHAPE}; 3d is three days ago.")
@click.option("--until", metavar="WHEN", help="Read by us before then.")
@click.option("--feed", help="Of the feed with this address, as `codegrey feeds list --json` prints it.")
@click.option("--url", help="With a link to this page, in whatever spelling.")
@click.option("--everything", is_flag=True, help="All that is stored.")
@click.option("--count", "only_count", is_flag=True, help="Say how many items that are; publish nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def replay(
    since: str | None,
    until: str | None,
    feed: str | None,
    url: str | None,
    everything: bool,
    only_count: bool,
    as_json: bool,
) -> None:
    """Publish stored news again: what the topic lost is judged, and what a better judge sees otherwise is corrected.

    Nobody is told twice of what they were told. What is news to them comes in one summary; what is older than seven
    days opens silently.
    """
    if bool(since or until or feed or url) == everything:
        stop("say which: --since, --until, --feed, --url, or --everything", 2)

    after, before = _moment("--since", since), _moment("--until", until)

    async def work(settings: Settings) -> int:
        from services.ingest.replay import Wanted, count_stored
        from services.ingest.replay import replay as publish_again
        from shared.database import open_engine

        wanted = Wanted(after, before, feed, url)
        engine = open_engine(settings)
        try:
            if only_count:
                return await count_stored(engine, wanted)
            return await publish_again(engine, settings, wanted, say=lambda count: click.echo(f"{count} …", err=True))
        finally:
            await engine.dispose()

    items = run(work)
    if as_json:
        print_json({"items": items, "published": not only_count})
    else:
        click.echo(f"{items} items {'are stored' if only_count else 'go out again'}")
    if not items:
        stop("nothing of that kind is stored", 1)


def _moment(name: str, said: str | None) -> datetime | None:
    if said is None:
        return None
    moment = read_moment(said, datetime.now(UTC), ago=True)
    return moment or stop(f"{name} {said!r} is no moment: write {SHAPE}", 2)
