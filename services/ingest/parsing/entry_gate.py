"""Ask the gate that stands in `shared` about the words of an entry."""

from __future__ import annotations

from services.ingest.parsing.parsed import ParsedEntry
from shared.gate import gate


def compile_gate() -> None:
    """Compile the gate's tables, which takes a second, before the first entry needs them."""
    # Care and nothing else: it looks for the plain words of an attack, too, which have a table of their own.
    gate("hospital")


def passes_gate(entry: ParsedEntry) -> bool:
    """Whether its words may be about an attack on care."""
    return gate(f"{entry.title}\n\n{entry.summary}\n\n{entry.text}").passed
