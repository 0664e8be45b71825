"""`codegrey outbox list|retry|drop`: what Kafka refused for good, in every service's outbox."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from shared.command import print_json, run_with_database, stop

if TYPE_CHECKING:
    from shared.outbox_refused import RefusedRow

_names = click.argument("names", nargs=-1, metavar="[ROW]...")
_all = click.option("--all", "everything", is_flag=True, help="Every row that was set aside.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")


@click.group()
def outbox() -> None:
    """Deal with messages that Kafka refused for good: each stands aside, and nobody got it."""


@outbox.command("list")
@_json
def list_rows(as_json: bool) -> None:
    """List what was set aside, with the reason."""
    rows = _refused()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    for row in rows:
        click.echo(f"{row.name}  {row.refused_at:%Y-%m-%d %H:%M}  {row.bytes:,} bytes for {row.topic}: {row.reason}")
    click.echo(f"{len(rows)} set aside. `codegrey outbox retry ROW`, `codegrey outbox drop ROW`", err=True)


@outbox.command()
@_names
@_all
@_json
def retry(names: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Have rows published: mend the cause first. What is refused again stands aside again. ROW as `list` prints it."""
    from shared.outbox_refused import retry_refused

    wanted = [row.name for row in _chosen(names, everything)]
    done = run_with_database(lambda engine: retry_refused(engine, wanted))
    _tell(done, names, as_json, "will be published with the next messages of their services")


@outbox.command()
@_names
@_all
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json
def drop(names: tuple[str, ...], everything: bool, yes: bool, as_json: bool) -> None:
    """Give rows up: what they tell reaches nobody, ever. ROW as `list` prints it."""
    from shared.outbox_refused import drop_refused

    rows = _chosen(names, everything)
    for row in rows:
        click.echo(f"{row.name}  {row.topic}: {row.reason}", err=True)
    if rows and not yes:
        click.confirm(f"Drop {len(rows)} of them? Nobody will ever be told what they hold", abort=True, err=True)
    wanted = [row.name for row in rows]
    done = run_with_database(lambda engine: drop_refused(engine, wanted))
    _tell(done, names, as_json, "dropped")


def _refused() -> list[RefusedRow]:
    from shared.outbox_refused import list_refused

    return run_with_database(list_refused)


def _chosen(names: tuple[str, ...], everything: bool) -> list[RefusedRow]:
    if bool(names) == everything:
        stop("name the rows (as `codegrey outbox list` prints them), or give --all", 2)
    return [row for row in _refused() if everything or row.name in names]


def _tell(done: list[str], names: tuple[str, ...], as_json: bool, how: str) -> None:
    """Say what was done; end with 1 where a row that was named is not there."""
    if as_json:
        print_json(done)
    click.echo(f"{len(done)} {how}", err=True)
    if missing := [name for name in names if name not in done]:
        stop(f"not set aside: {', '.join(missing)}; `codegrey outbox list` shows what is", 1)
