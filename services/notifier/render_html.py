"""Render a message as the HTML of a mail, from `templates/alert.html`; everything is escaped. Pure."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.notifier.message import Message
from services.notifier.neutral import clean, prose
from services.notifier.render_text import REPEAT, foot, item_line

COLOURS = ("#56616f", "#2f6f8f", "#8a6a00", "#c25700", "#c0211f", "#6b1f8e")
"""One for each level; white text on each has a contrast of at least 4.5 to 1."""
CALM = "#56616f"
_TITLES = {
    "opening": "Why: what the reports say",
    "update": "Why: what the reports say",
    "retraction": "What the reports had said",
}


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(prose=prose, clean=clean, upfirst=upfirst)
    environment.globals.update(item_line=item_line, colour=colour)
    return environment.get_template("alert.html")


def upfirst(text: str) -> str:
    """Write the first letter large and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def colour(message: Message) -> str:
    """Choose the colour of the bar."""
    calm = message.ended or message.kind in {"test", "operators", "weekly", "digest"}
    return CALM if calm else COLOURS[message.level]


def badge(message: Message) -> str:
    """Write the words in the bar."""
    if message.ended:
        return message.ended.capitalize()
    if message.kind == "test":
        return "Test"
    if message.kind == "weekly":
        return "Still watching"
    if message.kind == "operators":
        return "Code Grey itself"
    if message.kind == "digest":
        return "Digest"
    cause = " · cause unknown" if message.outage else ""
    update = "Update · " if message.kind == "update" else ""
    return f"{update}{message.level_name.capitalize()} · {message.level} of 5{cause}"


def render_html(message: Message, *, possible_repeat: bool = False) -> str:
    """Write the whole page."""
    return _template().render(
        message=message,
        badge=badge(message),
        bar=colour(message),
        steps=range(1, 6)
        if not message.ended and message.kind in {"opening", "update", "fold", "summary", "held"}
        else (),
        repeat=REPEAT if possible_repeat else "",
        why_title=_TITLES.get(message.kind, "Evidence"),
        changes_title="Since the last message to you" if message.kind == "update" else "What happened",
        foot=foot(message),
    )
