"""Render a message for a chat: short, and harmless whatever Markdown the service reads. Pure."""

from __future__ import annotations

from services.notifier.message import Message
from services.notifier.neutral import ELLIPSIS, chat
from services.notifier.render_text import item_line

LIMIT = 1_800
"""Characters of one message: the tightest of the usual services takes 2,000."""
MARKS = ("⚪", "🔵", "🟡", "🟠", "🔴", "🟣")


def chat_title(message: Message, *, possible_repeat: bool = False) -> str:
    """Write the first line."""
    mark = "⚪" if message.ended or message.kind in {"operators", "weekly", "test", "digest"} else MARKS[message.level]
    repeat = "(may be a repeat) " if possible_repeat else ""
    return f"{mark} {repeat}{_tagged(message.subject, 220)}"


def render_chat(message: Message, *, limit: int = LIMIT) -> str:
    """Write the body: what is most needed first, and whole lines only, up to `limit` characters."""
    lines: list[str] = []
    if message.lead:
        lines.append(chat(message.lead, 400))
    lines += [f"• {chat(change, 300)}" for change in message.changes]
    wanted = {"Who", "Since", "First reported", "How sure", "State"}
    lines += [f"{fact.label}: {chat(fact.value, 300)}" for fact in message.facts if fact.label in wanted]
    lines += [
        f"• {chat(cited.words, 120)}: “{chat(cited.quote, 240)}”"
        + (f" ({chat(cited.source, 60)})" if cited.source else "")
        for cited in message.evidence[:3]
    ]
    lines += [source.url for source in message.sources[:3] if source.url]
    more = len(message.sources) + message.more_sources - 3
    if more > 0:
        lines.append(f"and {more} more sources")
    lines += [f"• {_tagged(item_line(item), 80)}{_changes(message, item)}" for item in message.items]
    foot = [chat(note, 240) for note in message.footnotes]
    if message.incident_id:
        foot.append(f"Incident {message.incident_id[:12]}, version {message.version}")
    return _fitted(lines, foot, limit)


def _changes(message: Message, item: Message) -> str:
    """Say what is new of an incident in a list that came for that: a headline alone would tell nothing."""
    if message.kind not in {"held", "digest"} or not item.changes:
        return ""
    return f": {chat('; '.join(item.changes), 110)}"


def _fitted(lines: list[str], foot: list[str], limit: int) -> str:
    """Keep whole lines until the limit and say how many are left out; the foot always stays."""
    ending = "\n".join(foot)
    room = limit - len(ending) - 40
    kept: list[str] = []
    for line in lines:
        if len(line) + 1 > room:
            kept.append(f"{ELLIPSIS} and {len(lines) - len(kept)} more lines")
            break
        kept.append(line)
        room -= len(line) + 1
    return "\n".join([*kept, "", ending] if ending else kept)


def _tagged(text: str, limit: int) -> str:
    """Keep the brackets of our own tag in front; all behind it is others' text."""
    tag, closing, rest = text.partition("] ")
    return f"{tag}] {chat(rest, limit)}" if closing and tag.startswith("[") else chat(text, limit)
