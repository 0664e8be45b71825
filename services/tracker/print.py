"""Print incidents for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared.signals import LEVEL_NAMES

_COLOURS = ("dim", "green", "yellow", "dark_orange", "red", "bold white on red")


def print_list(found: Sequence[dict[str, Any]]) -> None:
    """Print two lines for each incident."""
    console = Console()
    if not found:
        console.print("no incidents; closed and retracted ones: --all")
        return
    for one in found:
        line = Text.assemble((one["id"][:12], "bold"), "  ", _level(one["level"], one["peak"]), f"  {one['state']}")
        line.append(f"  {_time(one['changed_at'])} UTC" + ("  silent" if one["silent"] else ""), style="dim")
        console.print(line, soft_wrap=True)
        console.print(Text("   ").append_text(_plain(one["headline"])), soft_wrap=True)


def print_incident(one: dict[str, Any]) -> None:
    """Print an incident with its versions, the evidence of the last one, and its reports."""
    console = Console()
    last = one["versions"][-1]
    head = Text(one["headline"], style="bold")
    head.append_text(
        Text.assemble("\n", _level(one["level"], one["peak"]), f"  {one['state']}", f"  {last['grade_reason']}")
    )
    if one["because"]:
        head.append(f"\nretracted because: {one['because']}")
    console.print(Panel(head, title=one["id"], title_align="left"))
    _print_facts(console, one["facts"])
    console.print("\n[dim]evidence[/dim]")
    for cited in last["evidence"]:
        source = escape(cited.get("url") or cited["source"])
        console.print(f"  {cited['level']}  {escape(cited['words'])}: “{escape(cited['quote'])}”  [dim]{source}[/dim]")
    console.print("\n[dim]versions[/dim]")
    for version in one["versions"]:
        when, note = _time(version["created_at"]), escape(version["note"])
        console.print(f"  {version['version']}  {when}  [bold]{version['reason']}[/bold]  {note}")
        for change in version["changes"]:
            before, after = (escape(change[side] or "nothing") for side in ("before", "after"))
            console.print(f"       {escape(change['field'])}: {before} → {after}")
    console.print("\n[dim]reports[/dim]")
    for report in one["reports"]:
        mark = "+" if report["stands"] else "-"
        console.print(f"  {mark} {escape(report['title'])}  [dim]{escape(report['url'] or report['source'])}[/dim]")
        console.print(f"       {report['outcome']}: {escape(report['reason'])}", style="dim")


def _print_facts(console: Console, facts: dict[str, Any]) -> None:
    victims = "; ".join(
        ", ".join(part for part in (victim["name"], victim["place"], victim["country"]) if part)
        for victim in facts["victims"]
    )
    rows = [
        ("victims", victims),
        ("suppliers", ", ".join(facts["suppliers"])),
        ("attack", facts["attack_date"]),
        ("attacker", facts["attacker"]),
        *((name, facts[name]) for name in ("certainty", "status", "scope", "data", "ransom", "sites")),
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        if value not in (None, "", "unknown"):
            table.add_row(Text(f"  {name}", style="dim"), _plain(str(value)))
    console.print(table)


def _level(level: int, peak: int) -> Text:
    words = f"{level} {LEVEL_NAMES[level]}" + (f" (peak {peak})" if peak > level else "")
    return Text(words, style=_COLOURS[level])


def _plain(text: str) -> Text:
    return Text("".join(char for char in text if char.isprintable()))


def _time(moment: datetime | str) -> str:
    return str(moment)[:16].replace("T", " ")
