"""Start everything in order, keep it running, and drain it in order: one `codegrey up`."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from services.launcher import disk
from services.launcher.datafolder import DataFolder
from services.launcher.plan import ROOT, WRONG_USE, Plan, Step
from services.launcher.ports import choose_ports
from services.launcher.processes.children import ProcessTable, write_privately
from services.launcher.processes.guard import shared_guard
from services.launcher.processes.keep import keep
from services.launcher.processes.log import rotate_in_place
from services.launcher.processes.service import ServiceProcess
from services.launcher.processes.steps import end_leftovers, run_once
from services.launcher.scrape import write_targets
from services.launcher.servers import Part, ServerPart, Servers
from services.launcher.terminal import Terminal
from shared.errors import CodeGreyError
from shared.ids import stable_id
from shared.trouble import Trouble
from shared.trouble_file import write_trouble_file

SLOW_START_S = 15.0
HOUSEKEEPING_S = 1.0


class Supervisor:
    """One run of one plan. `prepare` takes the folder, `run` does the rest and returns when all has stopped."""

    def __init__(self, plan: Plan, terminal: Terminal) -> None:
        self.plan = plan
        self.folder = DataFolder(plan.data)
        self._terminal = terminal
        self._stopping = asyncio.Event()
        self._hurrying = False
        self._ready = False
        self._servers: Servers | None = None
        self._parts: list[Part] = []  # in the order in which they are stopped
        self._services: list[ServiceProcess] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._reached: dict[str, str] = {}

    def prepare(self) -> None:
        """Take the folder, or raise why not; a folder that is refused is left as it was."""
        self.folder.prepare()
        self.folder.lock()
        if reason := disk.refuse_to_start(self.plan.free_space(self.folder.path), self.folder.path):
            raise CodeGreyError(reason)
        self.folder.check_version(self.plan.versions)
        self.folder.endpoints.unlink(missing_ok=True)
        if ended := end_leftovers(ProcessTable(self.folder.path)):
            self._terminal.say("up", f"ended what an earlier run had left: {', '.join(ended)}")

    async def run(self) -> None:
        """Start, run until told to stop, drain; raise what made it fail."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop)
        work = asyncio.create_task(self._work())
        told = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([work, told], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            tasks = (work, told, *self._keepers)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._drain()
            self.folder.unlock()

    def _told_to_stop(self) -> None:
        if self._stopping.is_set():
            self._hurrying = True
            self._terminal.say("up", "hurrying: what has not stopped is killed")
        else:
            self._terminal.say("up", "stopping: what is under way is finished first (Ctrl-C again hurries)")
        self._stopping.set()

    async def _work(self) -> None:
        """Start everything, then run until something that must not end has ended."""
        await self._start()
        self._keepers.append(asyncio.create_task(self._keep_house()))
        await asyncio.wait(self._keepers, return_when=asyncio.FIRST_COMPLETED)
        self._look_at_keepers()

    async def _start(self) -> None:
        """Start both servers side by side, each followed by its commands; then the services."""
        servers = self._servers = Servers(self.folder, kafka=self.plan.own_kafka, postgres=self.plan.own_postgres)
        self._watch_disk()
        kafka = ServerPart("Kafka", servers.kafka) if servers.kafka else None
        postgres = ServerPart("PostgreSQL", servers.postgres) if servers.postgres else None
        self._parts = [part for part in (kafka, postgres) if part is not None]
        both = [
            asyncio.create_task(self._bring_up(postgres, self.plan.after_postgres)),
            asyncio.create_task(self._bring_up(kafka, self.plan.after_kafka)),
        ]
        try:
            await asyncio.gather(*both)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        self._reached = servers.environment()
        since = time.monotonic()
        for service in self.plan.services:
            process = ServiceProcess(service, self.folder.path, self._terminal, self._environment_of(service.name))
            self._services.append(process)
            self._parts.insert(0, process)
            await process.start()
            self._keep(process)
        await self._until_ready()
        self._ready = True
        self._terminal.step("the services are ready", since)
        self._write_endpoints()
        self._terminal.step("everything runs", self._terminal.started)

    async def _bring_up(self, server: ServerPart | None, steps: tuple[Step, ...]) -> None:
        assert self._servers is not None
        if server is not None:
            since = time.monotonic()
            await server.start()
            self._terminal.step(f"{server.name} is up", since)
            self._keep(server)
        for step in steps:
            since = time.monotonic()
            await run_once(step, {**self.plan.environment, **self._servers.environment()})
            self._terminal.step(step.title, since)

    def _environment_of(self, name: str) -> Callable[[], dict[str, str]]:
        """Return a function that gives a service's environment as it is when it starts."""

        def now() -> dict[str, str]:
            assert self._servers is not None
            return {
                **self.plan.environment,
                **self._servers.environment(),
                "CODEGREY_HTTP_PORT": str(self._port_of(name)),
                # Only we know that the former process of this name is gone. Another machine on the same
                # servers has a slot of its own.
                "CODEGREY_SLOT": stable_id(socket.gethostname(), str(self.folder.path))[:12],
                "CODEGREY_SUPERVISED": "1",
                "CODEGREY_PAUSE_FILE": str(self.folder.low_disk),
                "PYTHONPATH": str(ROOT),
            }

        return now

    def _port_of(self, name: str) -> int:
        path = self.folder.path / "run" / "ports.json"
        started = {one.name for one in self._services if one.port}
        if name in started:  # the others hold theirs
            return choose_ports(path, [name])[name]
        waiting = [service.name for service in self.plan.services if service.name not in started]
        return choose_ports(path, waiting)[name]

    def _keep(self, part: Part) -> None:
        def give_up(status: int) -> bool:
            return status == WRONG_USE and not self._ready

        def report(troubles: Sequence[Trouble]) -> None:
            with suppress(OSError):  # a full disk, say: it is kept running all the same
                write_trouble_file(self.folder.path, f"up:{part.name}", troubles)

        work = keep(
            part,
            self._terminal,
            healthy_s=self.plan.healthy_s,
            serves=self._serves_again,
            give_up=give_up,
            report=report,
        )
        self._keepers.append(asyncio.create_task(work, name=f"keep {part.name}"))

    def _look_at_keepers(self) -> None:
        for task in self._keepers:
            if task.done():
                task.result()

    def _serves_again(self) -> None:
        """Start the services anew where a server had to step around a port that was taken meanwhile."""
        assert self._servers is not None
        now = self._servers.environment()
        if self._reached and now != self._reached:
            self._reached = now
            self._terminal.say("up", "a server moved to another port: the services are started again")
            for process in self._services:
                process.terminate()
        if self._ready:
            self._write_endpoints()

    async def _until_ready(self) -> None:
        """Wait until every service says that it is ready; tell after a while what is missing."""
        tell_at = time.monotonic() + SLOW_START_S
        waiting = list(self._services)
        while waiting:
            await asyncio.sleep(0.1)
            self._look_at_keepers()
            troubles = [(one, await one.trouble()) for one in waiting]
            waiting = [one for one, trouble in troubles if trouble is not None]
            if waiting and time.monotonic() > tell_at:
                tell_at = time.monotonic() + SLOW_START_S
                for one, trouble in troubles:
                    if trouble is not None:
                        self._terminal.say(one.name, f"not ready yet: {trouble}", alarm=True)

    async def _keep_house(self) -> None:
        """Watch the disk, the guard, and the log of PostgreSQL, which rotates none itself."""
        looked = time.monotonic()
        while True:
            await asyncio.sleep(min(HOUSEKEEPING_S, self.plan.disk_every_s))
            shared_guard().check()
            if time.monotonic() - looked >= self.plan.disk_every_s:
                looked = time.monotonic()
                self._watch_disk()
                if self._servers and self._servers.postgres:
                    rotate_in_place(self._servers.postgres.log)

    def _watch_disk(self) -> None:
        """Pause taking in while the disk of the folder, or of the database elsewhere, is nearly full."""
        folders = [self.folder.path]
        if self._servers and self._servers.postgres and self._servers.postgres.placed:
            folders.append(self._servers.postgres.place.home)
        free = min(self.plan.free_space(folder) for folder in folders)
        file = self.folder.low_disk
        match disk.change(free, paused=file.exists()):
            case "pause":
                write_privately(file, f"{disk.shown(free)} free\n")
                until = disk.shown(disk.RESUME_BYTES)
                words = f"only {disk.shown(free)} free on the disk: taking in news pauses until {until} are free"
                self._terminal.say("up", words, alarm=True)
            case "resume":
                file.unlink(missing_ok=True)
                self._terminal.say("up", f"{disk.shown(free)} free again: taking in news goes on")
            case None:
                pass

    def _write_endpoints(self) -> None:
        """Tell commands in other terminals how to reach what runs here."""
        assert self._servers is not None
        told = {
            "pid": os.getpid(),
            "environment": {**self.plan.told, **self._servers.environment()},
            "services": {one.name: one.port for one in self._services},
        }
        write_privately(self.folder.endpoints, json.dumps(told, indent=1) + "\n")
        write_targets(self.folder.path, {one.name: one.port for one in self._services})

    async def _drain(self) -> None:
        """Stop the services, the last one first; then Kafka, then PostgreSQL."""
        since = time.monotonic()
        for process in reversed(self._services):
            process.terminate()
        for part in self._parts:
            begun = time.monotonic()
            await part.stop(lambda: self._hurrying)
            self._terminal.step(f"{part.name} has stopped", begun)
        self.folder.endpoints.unlink(missing_ok=True)
        shared_guard().dismiss()
        self._terminal.step("everything has stopped", since)
