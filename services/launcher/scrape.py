"""Tell a Prometheus where the services of `codegrey up` show their metrics (file-based service discovery)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from services.launcher.processes.children import write_privately

FILE = "prometheus.json"
"""In the folder `run`. It stays when everything stops, so that what is down is seen to be down."""


def targets(ports: Mapping[str, int]) -> list[dict[str, object]]:
    """Return one target group for each service; `part` is its name, since `service` is a label of some metrics."""
    return [{"targets": [f"127.0.0.1:{port}"], "labels": {"part": name}} for name, port in sorted(ports.items())]


def write_targets(folder: Path, ports: Mapping[str, int]) -> None:
    """Write the file that `file_sd_configs` reads; Prometheus takes it up by itself."""
    write_privately(folder / "run" / FILE, json.dumps(targets(ports), indent=1) + "\n")
