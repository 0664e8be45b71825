"""The `reader` library that `make bench-ingest` compares with, where it is installed: 8 workers, its own SQLite.

Says that it is ready, reads phases on standard input ("poll"), answers each with a JSON line. Imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time

from reader import make_reader  # type: ignore[import-not-found]

WORKERS = 8


def main(folder: str, base: str, count: int) -> None:
    """Poll as often as told."""
    library = make_reader(f"{folder}/reader.sqlite")
    for number in range(count):
        library.add_feed(f"{base}/{number}.xml")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        started = time.monotonic()
        new = sum(
            getattr(one.value, "new", 0) or 0 for one in library.update_feeds_iter(scheduled=False, workers=WORKERS)
        )
        took = time.monotonic() - started
        sys.stdout.write(json.dumps({"feeds": count, "seconds": took, "new": new}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
