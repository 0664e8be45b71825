"""The launcher's commands: up, down, serve."""

from __future__ import annotations

import os
from pathlib import Path

import click

DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="CODEGREY_DATA",
    default=Path(".codegrey"),
    show_default=True,
    help="Folder of everything that is kept.",
)
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="CODEGREY_CONFIG",
    default=Path("config"),
    show_default=True,
    help="Folder with feeds.yaml and subscriptions.yaml.",
)
DEMO_FOLDER = "demo"


@click.command()
@click.option("--demo", is_flag=True, help="Run on sample articles; mail and chat go to sinks on this machine.")
@DATA
@CONFIG
@click.option("--healthy-after", type=float, default=60.0, hidden=True, help="Seconds of life that end a back-off.")
def up(demo: bool, data: Path, config: Path, healthy_after: float) -> None:
    """Start everything, show what happens, and drain it on Ctrl-C.

    PostgreSQL and Kafka are private ones that need no installation, unless CODEGREY_DATABASE_URL or
    CODEGREY_KAFKA_BOOTSTRAP name yours. Starting again takes up where it was left.
    """
    from services.launcher.up import run_up
    from shared.command import stop
    from shared.errors import CodeGreyError, ConfigError

    try:
        run_up(data / DEMO_FOLDER if demo else data, config, demo=demo, healthy_s=healthy_after)
    except ConfigError as error:
        stop(str(error), 2)
    except CodeGreyError as error:
        stop(str(error), 1)


@click.command()
@click.option("--demo", is_flag=True, help="Stop the demo.")
@DATA
def down(demo: bool, data: Path) -> None:
    """Stop a running `codegrey up` in good order, and wait until it has stopped."""
    from services.launcher.up import stop_running
    from shared.command import stop
    from shared.errors import CodeGreyError

    try:
        click.echo(stop_running(data / DEMO_FOLDER if demo else data), err=True)
    except CodeGreyError as error:
        stop(str(error), 1)


@click.command()
@click.argument("name", type=click.Choice(["ingest", "classifier", "tracker", "notifier"]))
def serve(name: str) -> None:
    """Run one service in this process until it is told to stop."""
    import sys
    from importlib import import_module

    if os.environ.get("CODEGREY_SUPERVISED") == "1":
        from services.launcher.processes.orphan import end_with_supervisor

        end_with_supervisor()
    sys.exit(import_module(f"services.{name}.app").main())
