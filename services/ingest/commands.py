"""`codegrey feeds`: check feeds before they are configured, list how they are doing."""

from __future__ import annotations

import json
import sys
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from shared.settings import Settings


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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each feed.")
@click.option("--allow-private", is_flag=True, help="Allow addresses inside private networks.")
def check(urls: tuple[str, ...], source: IO[str] | None, as_json: bool, allow_private: bool) -> None:
    """Fetch each feed once and show what would be read. Nothing is stored."""
    addresses = [*urls, *_addresses(source)]
    if not addresses:
        raise click.UsageError("name at least one address, or a file of them with --from")
    from shared.command import run

    failed = run(lambda settings: _check(settings, addresses, as_json, allow_private))
    sys.exit(1 if failed else 0)


def _addresses(source: IO[str] | None) -> list[str]:
    lines = [line.strip() for line in source or ()]
    return [line for line in lines if line and not line.startswith("#")]


async def _check(settings: Settings, addresses: list[str], as_json: bool, allow_private: bool) -> int:
    from services.ingest.addresses import make_policy, parse_networks
    from services.ingest.check import check_feeds
    from services.ingest.fetch import Fetcher
    from services.ingest.user_agent import user_agent

    policy = make_policy(parse_networks(settings.private_feeds), allow_private=allow_private)
    fetcher = Fetcher(policy, user_agent=user_agent())
    failed = 0
    try:
        async for found in check_feeds(addresses, fetcher):
            failed += found["error"] is not None
            click.echo(json.dumps(found, ensure_ascii=False) if as_json else _in_words(found))
    finally:
        await fetcher.aclose()
    return failed


def _in_words(found: dict[str, Any]) -> str:
    if found["error"]:
        hint = "\n    (--allow-private reads feeds of your own network)" if "refused:" in found["error"] else ""
        return f"✗ {found['url']}\n    {found['error']}{hint}"
    entries = found["entries"]
    lines = [f"✓ {found['title'] or found['url']}  ({found['format']}, {len(entries)} entries)"]
    lines += [f"    {found['final_url']}"] if found["final_url"] != found["url"] or found["title"] else []
    for entry in entries[:5]:
        lines.append(f"    {(entry['published'] or 'undated')[:16]:16}  {entry['title'][:90]}")
    lines += [f"    … and {len(entries) - 5} more"] if len(entries) > 5 else []
    return "\n".join([*lines, *(f"    ! {problem}" for problem in found["problems"])])


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

    table = Table("feed", "state", "last success", "next poll", "entries", "last error", box=None)
    for row in rows:
        moments = [f"{row[key]:%Y-%m-%d %H:%M}" if row[key] else "never" for key in ("last_success", "next_poll")]
        table.add_row(row["name"], row["state"], *moments, f"{row['entries']:,}", row["last_error"] or "")
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
