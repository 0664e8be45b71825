"""Render a message as plain text: the alternative of the mail, and what `subscriptions test` may print. Pure."""

from __future__ import annotations

import textwrap

from services.notifier.message import Message
from services.notifier.neutral import prose

WIDTH = 76
REPEAT = "This may be a repeat: the first attempt may have reached you, but no confirmation came back."


def render_text(message: Message, *, possible_repeat: bool = False) -> str:
    """Write the message for a reader without HTML."""
    lines: list[str] = []
    if message.kind == "test":
        lines += ["*** TEST ***", ""]
    if possible_repeat:
        lines += [*_wrapped(REPEAT), ""]
    if message.ended:
        lines.append(message.ended.upper())
    elif message.level and message.kind != "digest":
        cause = ", cause unknown" if message.outage else ""
        lines.append(f"{message.level_name.upper()} {message.level}/5{cause}")
    lines += _wrapped(prose(message.headline))
    if message.lead:
        lines += ["", *_wrapped(prose(message.lead, 900))]
    if message.changes:
        title = "Since the last message to you" if message.kind == "update" else "What happened"
        lines += ["", title, *(line for change in message.changes for line in _bullet(prose(change, 700)))]
    if message.facts:
        width = max(len(fact.label) for fact in message.facts) + 2
        lines += ["", *(line for fact in message.facts for line in _row(fact.label, prose(fact.value, 900), width))]
    if message.evidence:
        lines += ["", "Why: what the reports say"]
        for cited in message.evidence:
            lines += _bullet(
                f"{cited.words}: “{prose(cited.quote)}”" + (f" ({prose(cited.source)})" if cited.source else "")
            )
    if message.sources:
        lines += ["", "Sources"]
        for source in message.sources:
            published = f", {source.published}" if source.published else ""
            lines += _bullet(f"{prose(source.name)}{published}" + (f": {prose(source.title)}" if source.title else ""))
            if source.url:
                lines.append(f"    {source.url}")
        if message.more_sources:
            lines.append(f"  and {message.more_sources} more")
    for item in message.items:
        lines += ["", *_item(item)]
    lines += ["", "-" * 40, *(line for note in message.footnotes for line in _wrapped(note))]
    lines += _wrapped(foot(message))
    return "\n".join(lines) + "\n"


def foot(message: Message) -> str:
    """Say whence the message comes and by which name it is found again."""
    parts = ["Sent by Code Grey"]
    if message.subscription:
        parts.append(f"to subscription {message.subscription}")
    if message.incident_id:
        parts.append(f"incident {message.incident_id[:12]}, version {message.version}")
    return ", ".join(parts) + "."


def item_line(item: Message) -> str:
    """Say one folded message in a line."""
    tag = item.ended or f"{item.level}/5 {item.level_name}"
    return f"[{tag}] {'Update: ' if item.kind == 'update' else ''}{item.headline}"


def _item(item: Message) -> list[str]:
    lines = _wrapped(prose(item_line(item)))
    if item.lead:
        lines += _wrapped(prose(item.lead, 400), indent="    ")
    lines += [line for change in item.changes[:8] for line in _wrapped(prose(change), indent="    ")]
    lines += [f"    {source.url}" for source in item.sources[:1] if source.url]
    return lines


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ) or [""]


def _bullet(text: str) -> list[str]:
    wrapped = textwrap.wrap(
        text, WIDTH, initial_indent="  - ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return wrapped or []


def _row(label: str, value: str, width: int) -> list[str]:
    return textwrap.wrap(
        value,
        WIDTH,
        initial_indent=f"{label}:".ljust(width),
        subsequent_indent=" " * width,
        break_long_words=False,
        break_on_hyphens=False,
    )
