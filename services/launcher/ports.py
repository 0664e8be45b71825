"""Ports on loopback: free ones are chosen, remembered, and stepped around when somebody else has taken them."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path

from services.launcher.processes.children import write_privately


def free(port: int) -> bool:
    """Tell whether a port on loopback can be bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_ports(path: Path, names: Sequence[str]) -> dict[str, int]:
    """Return a port for each name: the one remembered in `path` while it is free, another where it is taken."""
    try:
        remembered = {str(name): int(port) for name, port in json.loads(path.read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        remembered = {}
    ports: dict[str, int] = {}
    held = []
    for name in names:
        if name in remembered and free(remembered[name]):
            ports[name] = remembered[name]
            continue
        probe = socket.socket()
        held.append(probe)  # held until all are chosen, so that no two are the same
        probe.bind(("127.0.0.1", 0))
        ports[name] = probe.getsockname()[1]
    for probe in held:
        probe.close()
    if {**remembered, **ports} != remembered:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_privately(path, json.dumps({**remembered, **ports}) + "\n")
    return ports
