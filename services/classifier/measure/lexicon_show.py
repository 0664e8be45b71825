"""Show what `codegrey lexicon check` found: one language in full, or all in a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.classifier.measure.lexicon import Checked

_WIDTH = 120
_NAMED = 3


def as_data(checked: Sequence[Checked]) -> dict[str, Any]:
    """Return the findings as data, by language."""
    return {
        one.language: {
            "share": round(one.share, 4),
            "slots": len(one.slots),
            "lacks": [{"group": slot.group, "says": slot.says, "why": slot.why} for slot in one.lacking],
        }
        for one in checked
    }


def show_one(one: Checked) -> None:
    """Print every slot of one language, and why those that are empty are so."""
    console = _console()
    for group, slots in groupby(one.slots, key=lambda slot: slot.group):
        console.print(Text(group, style="bold"))
        for slot in slots:
            line = Text("  ✓ " if slot.filled else "  ✗ ", style="green" if slot.filled else "red")
            line.append(f"{slot.says}: ", style="default")
            line.append(slot.why, style="dim" if slot.filled else "yellow")
            console.print(line)
    lacking = len(one.lacking)
    file = f"shared/gate/lexicon/{one.language}.toml"
    console.print(
        f"\n{one.language}: {one.share:.0%} of {len(one.slots)} sentences"
        + (f"; {lacking} to be added to {file}" if lacking else "; nothing is missing")
    )


def show_all(checked: Sequence[Checked]) -> None:
    """Print a row for each language, the fullest first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("language")
    table.add_column("says", justify="right")
    table.add_column("of", justify="right")
    table.add_column("lacks", overflow="fold")
    for one in sorted(checked, key=lambda c: (-c.share, c.language)):
        groups = {group: len(list(of)) for group, of in groupby(one.lacking, key=lambda slot: slot.group)}
        few = "; ".join(slot.says for slot in one.lacking)
        shown = few if len(one.lacking) <= _NAMED else ", ".join(f"{group} {count}" for group, count in groups.items())
        table.add_row(one.language, f"{one.share:.0%}", str(len(one.slots)), Text(shown, style="dim"))
    _console().print(table)


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else _WIDTH)
