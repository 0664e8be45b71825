"""Run a supervisor on stand-in services, as a process that tests can kill: `python run_stand_ins.py DATA [WORD…]`.

The free space is read from a file beside the data folder (`DATA.free`), so that a test can fill the disk.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from services.launcher.plan import Plan, Service, Step
from services.launcher.supervisor import Supervisor
from services.launcher.terminal import Terminal
from services.launcher.up import our_versions, plain_environment
from shared.errors import CodeGreyError

STAND_IN = str(Path(__file__).with_name("stand_in_service.py"))


def main() -> int:
    """Run until told to stop."""
    data, words = Path(sys.argv[1]), sys.argv[2:]

    def free_space(_folder: Path) -> int:
        file = data.with_name(data.name + ".free")
        return int(file.read_text()) if file.exists() else 10**12

    plan = Plan(
        data=data,
        versions=our_versions(),
        own_kafka="wrong-configuration" not in words,  # nothing gets as far as Kafka then
        environment=plain_environment(os.environ),
        after_postgres=(Step("stand-in migration", (sys.executable, "-c", "")),),
        after_kafka=(),
        services=tuple(Service(name, (sys.executable, STAND_IN, *words)) for name in ("first", "second")),
        free_space=free_space,
        disk_every_s=0.2,
        healthy_s=0.0,
    )

    async def run() -> None:
        supervisor = Supervisor(plan, Terminal())
        supervisor.prepare()
        await supervisor.run()

    try:
        asyncio.run(run())
    except CodeGreyError as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
