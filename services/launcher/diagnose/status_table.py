"""Draw `codegrey status` for a terminal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.launcher.diagnose.timeline import seconds_words
from services.launcher.silence import silence_words


def print_status(found: dict[str, Any], console: Console | None = None) -> None:
    """Print topics, groups, feeds and deliveries as tables; what is wrong stands out in red."""
    console = console or Console()
    topics = _table("Topics", "topic", "messages", "dead letters")
    for row in found["topics"]:
        topics.add_row(row["topic"], f"{row['messages']:,}", _bad(row["dead"]))
    console.print(topics)
    groups = _table("Groups", "group", "reads", "lag", "state", "")
    for row in found["groups"]:
        note = row.get("reason", "")
        if row["below_start"]:
            note = f"{row['below_start']:,} records were dropped before they were read. {note}"
        state = f"[red]{row['state']}[/red]" if row["state"] == "paused" else row["state"]
        groups.add_row(row["group"], row["topic"], f"{row['lag']:,}", state, note)
    console.print(groups)
    feeds = _table("Feeds", "feed", "last success", "next poll", "state", "last error")
    for row in found["feeds"]:
        error = row.get("last_error") or row.get("quiet") or ""
        name = row.get("name") or row["url"]
        feeds.add_row(
            name, _moment(row["last_success"]), _moment(row["next_poll"]), str(row.get("state", "")), _bad(error)
        )
    console.print(feeds)
    if found.get("feeds_config_problem"):
        console.print(f"[red]feeds.yaml is broken, the feeds before it are kept:[/red] {found['feeds_config_problem']}")
    deliveries = _table("Deliveries", "state", "count")
    for state, count in found["deliveries"].items():
        deliveries.add_row(state, str(count) if state not in {"failed", "gave_up", "unknown"} else _bad(count))
    console.print(deliveries)
    if times := found.get("times"):
        console.print(_road(times))
    for silence in found.get("silences") or ():
        console.print(f"Silenced: {escape(silence_words(silence))}")
    for trouble in found.get("troubles") or ():
        console.print(f"[red]Operators were told:[/red] {escape(trouble['title'])}, since {_moment(trouble['since'])}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def _road(times: dict[str, Any]) -> str:
    """Say in a line or two how long it takes from first sight of an item to the target's word."""
    if times["deliveries"]:
        told = (
            f"From feed to target, last 24 h: half within {seconds_words(times['p50_s'])}, 95 of 100 within "
            f"{seconds_words(times['p95_s'])}, longest {seconds_words(times['longest_s'])} ({times['deliveries']} sent)"
        )
    else:
        told = "From feed to target: nothing was sent in the last 24 h"
    if times["last_canary"]:
        told += f"\nLast canary: {_moment(times['last_canary'])}, {seconds_words(times['canary_took_s'])} on the road"
    return told


def _bad(value: object) -> str:
    return f"[red]{value}[/red]" if value else ("0" if value == 0 else "")


def _moment(value: datetime | str | None) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value or "never")
