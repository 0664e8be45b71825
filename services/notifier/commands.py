"""The commands about subscriptions: `codegrey subscriptions list|check|test`."""

from __future__ import annotations

from typing import Any

import click

from shared.command import print_json, run, stop
from shared.settings import Settings


@click.group("subscriptions")
def subscriptions() -> None:
    """See, check and try out who is told of what (config/subscriptions.yaml)."""


@subscriptions.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_subscriptions(as_json: bool) -> None:
    """List the subscriptions and the channels they use."""

    async def work(settings: Settings) -> dict[str, Any]:
        from services.notifier.config import read_subscriptions

        return read_subscriptions(settings).model_dump(mode="json", by_alias=True)

    data = run(work)
    if as_json:
        print_json(data["subscriptions"])
        return
    for one in data["subscriptions"]:
        where = ", ".join(one["countries"]) if one["countries"] else "everywhere"
        outages = "never" if one["outages"] is None else f"from level {one['outages']}"
        click.echo(f"{one['name']}: from level {one['minimum_level']}, {where}; outages {outages}")
        click.echo(f"  through {', '.join(one['channels'])}, at most {one['hourly_limit']} messages an hour")
        if quiet := one["quiet_hours"]:
            but = f", but from level {quiet['except_level']} on" if quiet["except_level"] else ""
            click.echo(f"  quiet from {quiet['from']} to {quiet['to']} {quiet['timezone']}{but}")
        if digest := one["digest"]:
            click.echo(f"  small news in a digest, daily at {digest['at']} {digest['timezone']}")
        if one["watch"]:
            click.echo(f"  watches {', '.join(one['watch'])}")
    if not data["subscriptions"]:
        click.echo("nobody has subscribed: add somebody to config/subscriptions.yaml", err=True)
    if not data["operators"]:
        click.echo("no operators: nobody is told when the system itself is in trouble", err=True)


@subscriptions.command("check")
def check() -> None:
    """Check the file and that every channel has what it needs; send nothing."""

    async def work(settings: Settings) -> list[str]:
        from services.notifier.check import check_channels
        from services.notifier.config import read_subscriptions

        return check_channels(read_subscriptions(settings), settings)

    problems = run(work)
    for problem in problems:
        click.echo(f"codegrey: {problem}", err=True)
    if problems:
        raise SystemExit(1)
    click.echo("subscriptions.yaml is in order", err=True)


@subscriptions.command("test")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(name: str, as_json: bool) -> None:
    """Send a marked test through every channel of subscription NAME (or: operators) right now."""

    async def work(settings: Settings) -> list[dict[str, str]]:
        from services.notifier.check import send_test

        return await send_test(name, settings)

    outcomes = run(work)
    if as_json:
        print_json(outcomes)
    else:
        for one in outcomes:
            detail = f" ({one['detail']})" if one["detail"] else ""
            click.echo(f"{one['target']}: {one['outcome']}{detail}")
    if any(one["outcome"] != "sent" for one in outcomes):
        stop(f"not every channel of {name} took the test", 1)
