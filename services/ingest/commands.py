"""`codegrey feeds`: check feeds before they are configured, list how they are doing."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from services.ingest.check import Checked, Checker
    from shared.settings import Settings

MANY = 50
"""Feeds among which some will not say their language."""


@click.group()
def feeds() -> None:
    """Check feeds, and see how they are doing."""


@feeds.command()
@click.argument("urls", metavar="URL...", nargs=-1)
@click.option(
    "--from",
    "source",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Read addresses from FILE, one a line; - is standard input, # begins a comment.",
)
@click.option("--all", "configured", is_flag=True, help="Check every configured feed, as the service would read it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each feed.")
@click.option("--allow-private", is_flag=True, help="Allow addresses inside private networks.")
def check(urls: tuple[str, ...], source: IO[str] | None, configured: bool, as_json: bool, allow_private: bool) -> None:
    """Fetch each feed once and show what would be read. Nothing is stored."""
    addresses = [*urls, *_addresses(source)]
    if not addresses and not configured:
        raise click.UsageError("name at least one address, a file of them with --from, or --all")
    from shared.command import run

    failed = run(lambda settings: _check(settings, addresses, configured, as_json, allow_private))
    sys.exit(1 if failed else 0)


def _addresses(source: IO[str] | None) -> list[str]:
    lines = [line.strip() for line in source or ()]
    return [line for line in lines if line and not line.startswith("#")]


async def _check(settings: Settings, addresses: list[str], configured: bool, as_json: bool, allow_private: bool) -> int:
    import gc

    from services.ingest.check import Subject

    # What was imported is never garbage; thousands of findings are none until the end.
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    subjects = [Subject(url) for url in addresses]
    contact = ""
    if configured:
        from services.ingest.sources.feeds_file import load_feeds

        file = load_feeds(settings)
        contact = file.contact
        subjects += [Subject.of(feed, settings.secrets_dir) for feed in file.feeds]
    failed = 0
    # A person who checks all of them sees how far it is; what is printed for programs goes elsewhere.
    async with open_checker(settings, allow_private, contact, many=len(subjects) >= MANY) as checker:
        with _progress(len(subjects), shown=configured and sys.stderr.isatty()) as step:
            async for checked in checker.each(subjects):
                failed += checked.found["error"] is not None
                sys.stdout.write((_as_json(checked.found) if as_json else _in_words(checked)) + "\n")
                step()
    sys.stdout.flush()
    if configured:
        click.echo(f"{len(subjects) - failed} of {len(subjects)} feeds can be read", err=True)
    return failed


@asynccontextmanager
async def open_checker(
    settings: Settings, allow_private: bool, contact: str = "", *, many: bool = False
) -> AsyncIterator[Checker]:
    """Prepare fetching as the service does it; `many` feeds are worth a longer preparation."""
    from services.ingest.check import CONCURRENCY, WITHIN_S, Checker
    from services.ingest.fetching.addresses import make_policy, parse_networks
    from services.ingest.fetching.fetch import Fetcher
    from services.ingest.fetching.user_agent import user_agent

    networks = parse_networks(settings.private_feeds)
    agent = user_agent(contact)
    public, private = (
        Fetcher(
            make_policy(networks, allow_private=opened),
            user_agent=agent,
            within_s=WITHIN_S,
            connections=CONCURRENCY,
            any_status=True,
        )
        for opened in (allow_private, True)
    )
    checker = Checker(public, private, polite=not allow_private, many=many)
    try:
        yield checker
    finally:
        await checker.aclose()
        await public.aclose()
        await private.aclose()


@contextmanager
def _progress(total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    if not shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("feeds", total=total)
        yield lambda: bar.advance(task)


def _as_json(found: dict[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False)


def _in_words(checked: Checked) -> str:
    found = checked.found
    if found["error"]:
        hint = "\n    (--allow-private reads feeds of your own network)" if "refused:" in found["error"] else ""
        said = [f"\n    ! {problem}" for problem in found["problems"]]
        return f"✗ {found['url']}\n    {found['error']}{hint}{''.join(said)}"
    entries = found["entries"]
    lines = [f"✓ {found['title'] or found['url']}  ({found['format']}, {len(entries)} entries)"]
    lines += [f"    {found['final_url']}"] if found["final_url"] != found["url"] or found["title"] else []
    lines += [f"    {note}" for note in checked.notes()]
    for entry in entries[:5]:
        lines.append(f"    {(entry['published'] or 'undated')[:16]:16}  {entry['title'][:90]}")
    lines += [f"    … and {len(entries) - 5} more"] if len(entries) > 5 else []
    return "\n".join([*lines, *(f"    ! {problem}" for problem in found["problems"])])


@feeds.command()
@click.argument("url")
@click.option("--name", default="", help="How alerts call the source.")
@click.option("--country", default=None, help="Where most of its news happens: FR, DE, …")
@click.option("--allow-private", is_flag=True, help="Allow an address inside a private network.")
def add(url: str, name: str, country: str | None, allow_private: bool) -> None:
    """Find the feed behind a page, check it, and write it into feeds.yaml; comments stay."""
    from shared.command import run

    def work(settings: Settings) -> Coroutine[Any, Any, list[str]]:
        return _add(settings, url, {"name": name, "country": country, "allow_private": allow_private})

    for line in run(work):
        click.echo(line)


async def _add(settings: Settings, url: str, said: dict[str, Any]) -> list[str]:
    from services.ingest.check import Subject
    from services.ingest.sources.edit import add_feeds
    from services.ingest.sources.feeds import Feed
    from services.ingest.sources.feeds_file import feeds_path, load_feeds
    from shared.errors import ConfigError, Permanent

    try:
        Feed(url=url, **said)
    except ValueError as error:
        raise ConfigError(f"{url}: {str(error).splitlines()[-2].strip()}") from None
    path = feeds_path(settings)
    known = load_feeds(settings).feeds if path.exists() else []
    async with open_checker(settings, said["allow_private"]) as checker:
        checked = await checker.one(Subject(url))
        if checked.found["error"] and checked.behind:
            checked = await checker.one(Subject(checked.behind[0]))
    if checked.found["error"]:
        raise Permanent(f"{checked.found['url']}: {checked.found['error']}; nothing was written")
    feed = Feed(url=checked.found["url"], **said)
    added = add_feeds(path, [feed], known)
    return [_in_words(checked), f"added to {path}" if added else f"{feed.url} is configured already"]


@feeds.command(name="import")
@click.argument("file", type=click.File("rb"), metavar="OPML")
def import_feeds(file: IO[bytes]) -> None:
    """Add the feeds of an OPML file to feeds.yaml; those that are there already are left."""
    from shared.command import run

    content = file.read(17 * 1024**2)
    count, path = run(lambda settings: _import(settings, content))
    click.echo(f"{count} feeds added to {path}; try them: codegrey feeds check --all")


async def _import(settings: Settings, content: bytes) -> tuple[int, str]:
    from services.ingest.sources.edit import add_feeds
    from services.ingest.sources.feeds_file import feeds_path, load_feeds
    from services.ingest.sources.opml import read_opml

    path = feeds_path(settings)
    known = load_feeds(settings).feeds if path.exists() else []
    return len(add_feeds(path, list(read_opml(content)), known)), str(path)


@feeds.command()
def export() -> None:
    """Print the configured feeds as OPML, for other readers."""
    from shared.command import run

    async def work(settings: Settings) -> bytes:
        from services.ingest.sources.feeds_file import load_feeds
        from services.ingest.sources.opml import write_opml

        return write_opml(load_feeds(settings).feeds)

    click.echo(run(work).decode(), nl=False)


@feeds.command()
def schema() -> None:
    """Print the JSON Schema of feeds.yaml, which editors complete and check it by."""
    from services.ingest.sources.schema import feeds_schema

    click.echo(feeds_schema(), nl=False)


@feeds.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_feeds(as_json: bool) -> None:
    """List the configured feeds: last success, next poll, last error."""
    from shared.command import print_json, run

    rows, problem = run(_read)
    if problem:
        click.echo(f"feeds.yaml is not taken over:\n{problem}", err=True)
    if as_json:
        print_json(rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("feed", "state", "last success", "next poll", "entries", "remarks", box=None)
    for row in rows:
        moments = [f"{row[key]:%Y-%m-%d %H:%M}" if row[key] else "never" for key in ("last_success", "next_poll")]
        moved = f"moved to {row['moved_to']}" if row["moved_to"] else ""
        said = [row["last_error"] or row["quiet"], moved, row["ids_advice"], "pushed by its hub" * row["pushed"]]
        table.add_row(row["name"], row["state"], *moments, f"{row['entries']:,}", "; ".join(filter(None, said)))
    Console().print(table)


async def _read(settings: Settings) -> tuple[list[dict[str, Any]], str | None]:
    from services.ingest.status import config_problem
    from services.ingest.status import feeds as read_feeds
    from shared.database import open_engine

    engine = open_engine(settings)
    try:
        return await read_feeds(engine), await config_problem(engine)
    finally:
        await engine.dispose()
