"""`codegrey preview`: which incidents the feeds hold, and who would be told of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from services.launcher.preview.show import Preview
    from services.notifier.config import Subscriptions
    from shared.settings import Settings

Step = Callable[[], None]


@click.command()
@click.option("--days", type=click.IntRange(1, 60), default=7, show_default=True, help="How far back to look.")
@click.option(
    "--feeds",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file like feeds.yaml, instead of the configured feeds (or the starter feeds, where there are none).",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def preview(days: int, file: Path | None, as_json: bool) -> None:
    """Read the feeds once, and show which incidents they hold and who would be told.

    Everything happens in memory, by the services' own rules: nothing is stored, nothing is sent, no server is
    needed. Ends with 1 where no feed could be read at all.
    """
    from services.launcher.preview.show import as_document, failures, in_words
    from shared.command import print_json, run

    found = run(lambda settings: _preview(settings, days, file))
    if as_json:
        print_json(as_document(found))
    else:
        for line in in_words(found):
            click.echo(line)
    for line in failures(found):
        click.echo(line, err=True)
    sys.exit(1 if found.reads and len(found.failed) == len(found.reads) else 0)


async def _preview(settings: Settings, days: int, file: Path | None) -> Preview:
    import asyncio
    from datetime import UTC, datetime

    from services.launcher.preview.read import choose_feeds, reading
    from services.launcher.preview.road import follow, news_of, report_on
    from services.launcher.preview.show import Preview
    from shared.log import configure_logging

    configure_logging("preview", "error")
    now = datetime.now(UTC)
    feeds, feeds_from = choose_feeds(settings, file)
    subscriptions, subscriptions_from = _subscriptions(settings)
    reads = []
    with _progress("reading feeds", len(feeds.feeds)) as step:
        async with reading(settings, feeds, days, now) as reader:
            async for one in reader.each(feeds.feeds):
                reads.append(one)
                step()
    order = {feed.url: place for place, feed in enumerate(feeds.feeds)}
    reads.sort(key=lambda one: order[one.feed.url])
    items = news_of(reads)
    vectors = await asyncio.to_thread(_vectors) if items else None
    reports = []
    with _progress("judging", len(items)) as step:
        for item in items:
            if report := await asyncio.to_thread(report_on, item, vectors, now):
                reports.append(report)
            step()
    return Preview(days, feeds_from, subscriptions_from, reads, reports, follow(reports, subscriptions))


def _subscriptions(settings: Settings) -> tuple[Subscriptions, str]:
    from services.notifier.config import Subscriptions, config_path, read_subscriptions

    path = config_path(settings)
    if path.exists():
        return read_subscriptions(settings), str(path)
    click.echo(f"there is no {path}: nobody would be told", err=True)
    return Subscriptions(), ""


def _vectors() -> Callable[[str, str], float] | None:
    from services.classifier.vectors import load_vectors

    vectors, problem = load_vectors()
    if problem:
        click.echo(f"judging without sentence vectors: {problem}", err=True)
    return vectors


@contextmanager
def _progress(what: str, total: int) -> Iterator[Step]:
    """Show a person how far it is; what is printed for programs goes elsewhere."""
    if not total or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
