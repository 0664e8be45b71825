"""The rule of the house: a service imports `shared` and itself; the launcher alone imports all."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = {path.name for path in (ROOT / "services").iterdir() if path.is_dir() and (path / "__init__.py").exists()}


def _imported(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_no_service_imports_another_and_shared_imports_none() -> None:
    """Cross the line once and the services can no longer be understood alone."""
    wrong = []
    for file in [*(ROOT / "services").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]:
        owner = file.relative_to(ROOT).parts[1] if file.is_relative_to(ROOT / "services") else "shared"
        if owner == "launcher":
            continue
        for name in _imported(file):
            parts = name.split(".")
            if parts[0] == "services" and (owner == "shared" or (len(parts) > 1 and parts[1] in SERVICES - {owner})):
                wrong.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not wrong


def test_the_services_are_those_of_the_design() -> None:
    """A new folder under services/ must be thought about."""
    assert {"ingest", "classifier", "tracker", "notifier", "launcher"} <= SERVICES


PURE = (
    "services/ingest/decide.py",
    "services/ingest/schedule.py",
    "services/tracker/merge.py",
    "services/tracker/assess.py",
    "services/tracker/version.py",
    "services/notifier/route.py",
    "services/notifier/message.py",
    "services/classifier/judge.py",
    "shared/severity.py",
    "shared/flood.py",
)
FOREIGN = {
    "aiokafka",
    "faststream",
    "sqlalchemy",
    "sqlmodel",
    "httpx2",
    "apprise",
    "random",
    "time",
    "asyncio",
    "secrets",
}


def test_what_decides_imports_no_framework_network_clock_or_chance() -> None:
    """The pure core takes `now` as a parameter and is tested by tables."""
    for name in PURE:
        found = {imported.split(".")[0] for imported in _imported(ROOT / name)} & FOREIGN
        assert not found, f"{name} imports {found}"
