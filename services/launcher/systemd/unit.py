"""The systemd unit that runs `codegrey up`: its text, and where it stands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NAME = "codegrey.service"
STOP_LIMIT_S = 150
"""More than the longest drain: four services, Kafka and PostgreSQL with their patience."""

Scope = Literal["user", "system"]


@dataclass(frozen=True)
class Unit:
    """What the unit runs, and for whom: `user` for an ordinary user's own manager, `system` for root."""

    scope: Scope
    program: Path
    data: Path
    config: Path
    environment: Path

    def text(self) -> str:
        """Write the unit."""
        wanted = "default.target" if self.scope == "user" else "multi-user.target"
        # A user's manager knows nothing of the machine's targets.
        after = "" if self.scope == "user" else "After=network-online.target\nWants=network-online.target\n"
        command = " ".join(
            quoted(str(word)) for word in (self.program, "up", "--data", self.data, "--config", self.config)
        )
        return f"""\
# Written by `codegrey service install`; `codegrey service uninstall` removes it.
[Unit]
Description=Code Grey: alerts on cyberattacks against hospitals
{after}StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={command}
EnvironmentFile=-{escaped(str(self.environment))}
# What is under way is finished first; only the supervisor is asked, and it asks the others in their order.
KillSignal=SIGINT
KillMode=mixed
TimeoutStopSec={STOP_LIMIT_S}
Restart=on-failure
RestartSec=10
# Wrong settings or configuration: a person is needed, not another attempt.
RestartPreventExitStatus=2
# Where memory is short one process is killed, and started again by the supervisor.
OOMPolicy=continue
UMask=0077
LimitNOFILE=65536:524288
# Those that need no rights of root's. Java compiles as it runs, so memory may be written and executed; files of
# /tmp are not private, since other commands find PostgreSQL's socket there where the data folder's path is long.
NoNewPrivileges=yes
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy={wanted}
"""


def escaped(text: str) -> str:
    """Keep systemd from reading a percent sign as a placeholder."""
    return text.replace("%", "%%")


def quoted(word: str) -> str:
    """Write one word of a command line as systemd reads it."""
    plain = escaped(word).replace("$", "$$")
    if plain and not any(character.isspace() or character in "\"'\\;" for character in plain):
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unit_folder(scope: Scope, home: Path, config_home: str = "") -> Path:
    """Return the folder in which the manager looks for units that the administrator, or the user, has written."""
    if scope == "system":
        return Path("/etc/systemd/system")
    return Path(config_home or home / ".config") / "systemd" / "user"


def environment_file(scope: Scope, home: Path, config_home: str = "") -> Path:
    """Return where settings and secrets of the service stand."""
    if scope == "system":
        return Path("/etc/codegrey/environment")
    return Path(config_home or home / ".config") / "codegrey" / "environment"
