"""Show a judgement to a person in a terminal: the verdict first, then who, when, how bad, and by which words."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from services.classifier.judgement import Evidence, Judgement
from shared.signals import LEVEL_NAMES, Signal, level_of, words

_COLOURS = ("white", "cyan", "blue", "yellow", "red", "bold white on red")
_WEIGHTS_SHOWN = 8
_QUOTES_SHOWN = 3


def show(judgement: Judgement, console: Console) -> None:
    """Print a judgement."""
    console.print(_headline(judgement))
    console.print(_facts(judgement))
    used = [e for e in judgement.signals if e.used]
    aside = [e for e in judgement.signals if not e.used]
    if used:
        console.print(_quotes("What it says", used, aside=False))
    if aside:
        console.print(_quotes("Set aside", aside, aside=True))
    if judgement.weights:
        console.print(_weights(judgement))


def _headline(judgement: Judgement) -> RenderableType:
    colour = _COLOURS[judgement.level]
    if judgement.incident:
        verdict = f"ATTACK ON CARE   level {judgement.level}, {LEVEL_NAMES[judgement.level]}"
    elif judgement.outage:
        verdict = f"UNEXPLAINED OUTAGE   level {judgement.level}, {LEVEL_NAMES[judgement.level]}"
    else:
        verdict = "NOT AN INCIDENT OF CARE"
    lines = [Text(verdict, style=f"bold {colour}" if judgement.level < 5 else colour)]
    if judgement.would_be:
        lines.append(Text(f"would be {judgement.would_be} if confirmed", style="yellow"))
    if judgement.impact_unknown:
        lines.append(Text("impact unknown", style="yellow"))
    lines.append(Text(judgement.reason, style="dim"))
    return Panel(Group(*lines), border_style=colour if judgement.level < 5 else "red", expand=True)


def _facts(judgement: Judgement) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for victim in judgement.victims:
        where = ", ".join(part for part in (victim.place, victim.country) if part)
        also = f"  also named: {', '.join(victim.aliases)}" if victim.aliases else ""
        table.add_row("Victim", f"{victim.name}{'  (' + where + ')' if where else ''}{also}")
    rows = {
        "Attack": judgement.attack_date.isoformat() if judgement.attack_date else "date unknown",
        "Certainty": judgement.certainty.value,
        "Status": judgement.status.value,
        "Scope": judgement.scope.value + (f", {judgement.sites} sites" if judgement.sites else ""),
        "Attacker": judgement.attacker or "unknown",
        "Ransom": judgement.ransom,
        "Suppliers": ", ".join(judgement.suppliers),
        "Confidence": f"{judgement.confidence:.2f}",
        "Language": judgement.language or "unknown",
    }
    for name, value in rows.items():
        if value and (judgement.incident or judgement.outage or name in {"Confidence", "Language"}):
            table.add_row(name, value)
    for note in judgement.notes:
        table.add_row("Note", Text(note, style="dim"))
    return table


def _quotes(title: str, found: list[Evidence], *, aside: bool) -> RenderableType:
    """Show each signal on its own lines: level and meaning, then the quote with where it stands or why not."""
    lines: list[RenderableType] = [Text(f"\n{title}", style="bold")]
    order = found if aside else sorted(found, key=lambda e: (-level_of(e.signal), e.field != "title", e.start))
    seen: dict[Signal, list[Evidence]] = {}
    for one in order:
        seen.setdefault(one.signal, []).append(one)
    for signal, quotes in seen.items():
        level = level_of(signal)
        head = Text(f"  {level}  ", style="dim" if aside else _COLOURS[level])
        head.append(words(signal), style="dim" if aside else "bold")
        lines.append(head)
        for one in quotes[:_QUOTES_SHOWN]:
            line = Text(f"     “{' '.join(one.quote.split())}”", style="dim" if aside else "")
            place = f"  {one.field} {one.start}–{one.end}"
            sets = " · sets the level" if one.why.startswith("sets") else ""
            line.append(f"  {one.why}" if aside else f"{place}{sets}", style="dim italic")
            lines.append(line)
        if len(quotes) > _QUOTES_SHOWN:
            lines.append(Text(f"     and {len(quotes) - _QUOTES_SHOWN} more", style="dim"))
    return Group(*lines)


def _weights(judgement: Judgement) -> Table:
    table = Table(
        title="\nWhat weighed", title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2)
    )
    table.add_column("weight", justify="right")
    table.add_column("feature", no_wrap=True)
    table.add_column("words", overflow="fold", style="dim")
    for weight in judgement.weights[:_WEIGHTS_SHOWN]:
        colour = "green" if weight.weight > 0 else "red"
        table.add_row(Text(f"{weight.weight:+.2f}", style=colour), weight.feature, weight.quote)
    return table
