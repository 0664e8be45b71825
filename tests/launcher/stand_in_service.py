"""A stand-in for a service: ready at once, says a line for people, drains when told, ends with its supervisor."""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import FrameType

from services.launcher.processes.orphan import end_with_supervisor


class Ready(BaseHTTPRequestHandler):
    """Answer every question with 200."""

    def do_GET(self) -> None:
        """Say that all is well."""
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:  # type: ignore[override]
        """Stay silent."""


def tell(event: str, **facts: object) -> None:
    """Write one log line that is meant for people."""
    print(json.dumps({"event": event, "show": True, "level": "info", **facts}), file=sys.stderr, flush=True)


def drain(_number: int, _frame: FrameType | None) -> None:
    """End as a drained service does."""
    tell("drained")
    sys.exit(0)


def main() -> None:
    """Serve until told to stop."""
    if sys.argv[1:] == ["wrong-configuration"]:
        print("feeds.yaml, line 3: no such key", file=sys.stderr)
        sys.exit(2)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1:] == ["stubborn"] else drain)
    end_with_supervisor()
    server = HTTPServer(("127.0.0.1", int(os.environ["CODEGREY_HTTP_PORT"])), Ready)
    tell("serving", kafka=os.environ["CODEGREY_KAFKA_BOOTSTRAP"], database=os.environ["CODEGREY_DATABASE_URL"])
    server.serve_forever()


if __name__ == "__main__":
    main()
