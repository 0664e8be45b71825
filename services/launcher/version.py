"""The program's version, as the project file has it."""

from __future__ import annotations

from pathlib import Path


def program_version() -> str:
    """Return the version; the project file is always beside the code, since this is no installed library."""
    import tomllib

    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])
