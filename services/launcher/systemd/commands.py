"""`codegrey service install|uninstall|status`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from services.launcher.commands import CONFIG, DATA

T = TypeVar("T")


@click.group()
def service() -> None:
    """Have systemd run `codegrey up`: at boot, again when it fails, stopped in good order."""


def _say(words: str) -> None:
    click.echo(words, err=True)


def _do(work: Callable[[], T]) -> T:
    from shared.command import stop
    from shared.errors import CodeGreyError, ConfigError

    try:
        return work()
    except ConfigError as error:
        stop(str(error), 2)
    except CodeGreyError as error:
        stop(str(error), 1)


@service.command("install")
@DATA
@CONFIG
def install_command(data: Path, config: Path) -> None:
    """Write the unit, start it now and at every boot. Again after a change of folders, or to start it anew.

    An ordinary user gets a unit of their own; root one of the machine's. Settings of the environment do not reach
    it: they go into the file that this names.
    """
    from services.launcher.systemd.install import install, our_manager

    _do(lambda: install(our_manager(), data, config, _say))


@service.command("uninstall")
def uninstall_command() -> None:
    """Stop it in good order and remove the unit; data, configuration and settings stay."""
    from services.launcher.systemd.install import our_manager, uninstall

    _do(lambda: uninstall(our_manager(), _say))


@service.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def status_command(as_json: bool) -> None:
    """Say whether it runs; exit 1 where it does not."""
    import sys

    from services.launcher.systemd.install import our_manager, state
    from shared.command import print_json

    found = _do(lambda: state(our_manager()))
    if as_json:
        print_json(found)
    elif found.get("LoadState") != "loaded":
        click.echo("not installed: `codegrey service install`")
    else:
        since, at_boot = found.get("ActiveEnterTimestamp") or "-", found.get("UnitFileState")
        how = f"{found.get('ActiveState')} ({found.get('SubState')}) since {since}"
        click.echo(f"{how}, at boot: {at_boot}, restarts: {found.get('NRestarts')}")
    sys.exit(0 if found.get("ActiveState") == "active" else 1)
