"""The operator's commands: migrate, topics, status, why, dead, health, asyncapi."""

from __future__ import annotations

import sys
import urllib.request
from datetime import UTC, datetime
from typing import Any

import click

from shared.command import print_json, run, stop
from shared.settings import Settings, load_settings


@click.command()
def migrate() -> None:
    """Bring the database to this program's version. Run it before the services; safe to repeat."""
    from services.launcher.migrate import run_migrations

    for service, (before, after) in run(run_migrations).items():
        told = "is up to date" if before == after else f"went from {before or 'nothing'}"
        click.echo(f"{service}: {told} ({after})", err=True)


@click.group()
def topics() -> None:
    """Create Code Grey's topics or show what differs."""


@topics.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def create(as_json: bool) -> None:
    """Create the topics that are missing; say what differs from what they should be.

    Existing topics are never changed, and partitions are never added: both move data,
    which a person decides.
    """
    from dataclasses import asdict

    from services.launcher.topics import create_topics

    states = run(create_topics)
    if as_json:
        print_json([asdict(state) for state in states])
        return
    for state in states:
        click.echo(f"{state.name}: {state.outcome}", err=True)
        for difference in state.differences:
            click.echo(f"    {difference}", err=True)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def status(as_json: bool) -> None:
    """Show topics, groups, lag, dead letters, feeds and deliveries."""
    from services.launcher.diagnose.status import status as gather
    from services.launcher.diagnose.status_table import print_status

    found = run(gather)
    if as_json:
        print_json(found)
    else:
        print_status(found)


@click.command()
@click.argument("url")
@click.option("--subscription", help="Only what this subscription was told, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def why(url: str, subscription: str | None, as_json: bool) -> None:
    """Tell what became of the item at URL, step by step: polled, judged, merged, told."""
    from dataclasses import asdict

    from services.launcher.diagnose.why import why as ask
    from shared.database import open_engine
    from shared.why import Step

    async def work(settings: Settings) -> list[Step]:
        engine = open_engine(settings)
        try:
            return await ask(settings, engine, url, subscription)
        finally:
            await engine.dispose()

    steps = run(work)
    if as_json:
        print_json([asdict(step) for step in steps])
        return
    for step in steps:
        moment = f"{step.at:%Y-%m-%d %H:%M:%S} " if step.at else ""
        click.echo(f"{step.part:<11}{moment}{step.outcome}{': ' + step.detail if step.detail else ''}")


@click.group()
def dead() -> None:
    """Look at dead letters, replay them, resume a paused consumer."""


@dead.command("list")
@click.argument("topic", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def list_letters(topic: str | None, as_json: bool) -> None:
    """List the dead letters that stand, of TOPIC or of every topic."""
    letters = run(lambda settings: _letters(settings, topic))
    if as_json:
        print_json([_described(letter) for letter in letters])
        return
    for letter in letters:
        click.echo(f"{letter.origin}  {letter.died_at:%Y-%m-%d %H:%M}  {letter.error}")
    click.echo(f"{len(letters)} dead letters. `codegrey dead show ORIGIN`, `codegrey dead replay ORIGIN`", err=True)


@dead.command()
@click.argument("origin")
def show(origin: str) -> None:
    """Show one dead letter whole. ORIGIN is topic:partition:offset, as `list` prints it."""
    letters = run(lambda settings: _letters(settings, origin.split(":")[0]))
    for letter in letters:
        if letter.origin == origin:
            print_json(_described(letter) | {"value": _text(letter.value), "details": letter.details})
            return
    stop(f"no dead letter {origin}; `codegrey dead list` shows those there are", 1)


@dead.command()
@click.argument("origins", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Replay every dead letter that stands.")
def replay(origins: tuple[str, ...], everything: bool) -> None:
    """Publish dead letters to their topics again, and clear them."""
    if bool(origins) == everything:
        stop("name the dead letters to replay (topic:partition:offset), or give --all", 2)

    async def work(settings: Settings) -> int:
        from shared import dead_letters
        from shared.kafka import producer

        wanted = [one for one in await _letters(settings, None) if everything or one.origin in origins]
        async with producer(settings) as sender:
            for letter in wanted:
                await dead_letters.replay(sender, letter)
        return len(wanted)

    count = run(work)
    click.echo(f"{count} replayed", err=True)
    if not everything and count < len(origins):
        stop(f"{len(origins) - count} of them were not found", 1)


@dead.command()
@click.argument("group", required=False)
def resume(group: str | None) -> None:
    """Let a consumer group go on that a flood of unreadable messages had paused (all, if none is named)."""

    async def work(settings: Settings) -> list[str]:
        from shared.control import GroupState, read_states, set_state
        from shared.kafka import producer
        from shared.topics import READERS

        paused = [
            state.group
            for state in (await read_states(settings)).values()
            if state.state == "paused" and group in (None, state.group)
        ]
        if group in READERS and group not in paused:
            paused.append(group)  # said anew: it harms nothing, and a lost "running" would pause for ever
        async with producer(settings) as sender:
            for name in paused:
                await set_state(sender, GroupState(group=name, state="running", since=datetime.now(UTC)))
        return paused

    resumed = run(work)
    if not resumed and group:
        stop(f"there is no consumer group {group}; `codegrey status` lists them", 2)
    click.echo(f"resumed: {', '.join(resumed) or 'nothing was paused'}", err=True)


async def _letters(settings: Settings, topic: str | None) -> list[Any]:
    from shared.dead_letters import read_dead_letters
    from shared.topics import EVENT_TOPICS

    if topic is not None and topic not in {known.name for known in EVENT_TOPICS}:
        stop(f"no topic {topic}; there are {', '.join(known.name for known in EVENT_TOPICS)}", 2)
    return [letter async for letter in read_dead_letters(settings, topic)]


def _described(letter: Any) -> dict[str, Any]:
    return {
        "origin": letter.origin,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "group": letter.group,
        "died_at": letter.died_at.isoformat(),
        "error": letter.error,
        "key": _text(letter.key),
        "bytes": len(letter.value or b""),
        "headers": [[name, _text(value)] for name, value in letter.headers],
    }


def _text(value: bytes | None) -> str | None:
    """Show bytes that may be anything: what is no UTF-8 is shown escaped."""
    return None if value is None else value.decode("utf-8", "backslashreplace")


@click.command()
@click.option("--url", help="Address to ask; by default this machine's CODEGREY_HTTP_PORT.")
def health(url: str | None) -> None:
    """Exit 0 when a service is ready and 1 when it is not: for container health checks."""
    settings = load_settings()
    address = url or f"http://127.0.0.1:{settings.http_port}/ready"
    if not address.startswith(("http://", "https://")):
        stop("--url must be an http address", 2)
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - checked above
            sys.exit(0 if answer.status == 200 else 1)
    except OSError as error:
        body = error.read().decode("utf-8", "replace") if hasattr(error, "read") else ""
        stop(f"{address}: {error} {body}".strip(), 1)


@click.command()
@click.option("--serve", "port", type=int, help="Serve the document on this loopback port instead of printing it.")
def asyncapi(port: int | None) -> None:
    """Print the AsyncAPI document of every topic, or serve it (document only, no try-it-out page)."""
    from services.launcher.asyncapi import document, serve_document

    if port is None:
        click.echo(document())
    else:
        click.echo(f"http://127.0.0.1:{port}/asyncapi.json  (Ctrl-C ends)", err=True)
        serve_document(port)
