"""Take the sting out of text that others wrote: names, headlines, quotes and links are hostile until shown.

Three strengths, each for the place it stands in: `clean` (anything that is stored or shown),
`prose` (text in a mail, where a bare address would become a link), `chat` (text in a chat, where
mentions and Markdown live). `subject` is for mail headers, `link` for the only links we show.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote, urlsplit

ELLIPSIS = "…"
ZERO_WIDTH = "\u200b"
MAX_MARKS = 3
"""Combining marks in a row; no script needs more, and piles of them hide the lines around."""
MAX_LINK = 1_500

# Controls, formats (bidi, zero-width, tags), surrogates, private use; separators of lines.
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SCHEME = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,11}):(?=//)|\b(javascript|data|vbscript|mailto|tel|sms):")
_WWW = re.compile(r"(?i)\bwww\.(?=\w)")
# Look-alikes, because no escape is understood by every service: a backslash that works in one
# is shown to the reader in the next.
_MARKDOWN = str.maketrans(
    {
        "*": "∗",
        "_": "\uff3f",
        "`": "ˋ",
        "~": "∼",
        "|": "¦",
        "[": "［",
        "]": "］",
        "<": "‹",
        ">": "›",
        "#": "＃",
        "\\": "＼",
    }
)


@lru_cache(maxsize=4_096)  # several subscriptions are told the same words
def clean(text: str, limit: int = 500) -> str:
    """Return one line of visible characters, at most `limit` long."""
    text = unicodedata.normalize("NFC", text[: limit * 8])
    kept, marks = [], 0
    for char in text:
        category = unicodedata.category(char)
        if category in _DROPPED:
            # White space of any kind becomes one blank; what is invisible just goes.
            char = " " if char.isspace() else ""
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks <= MAX_MARKS:
            kept.append(char)
    line = " ".join("".join(kept).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def prose(text: str, limit: int = 500) -> str:
    """Clean, and break what a reader's program would turn into a link."""
    line = clean(text, limit)
    line = _SCHEME.sub(lambda found: f"{found.group(0)}{ZERO_WIDTH}", line)
    return _WWW.sub(lambda found: f"{found.group(0)}{ZERO_WIDTH}", line)


def chat(text: str, limit: int = 500) -> str:
    """Make text harmless in any chat: no mention, no Markdown, no tag, no link; at most `limit` long for all that."""
    line = prose(text, limit).translate(_MARKDOWN).replace("@", f"@{ZERO_WIDTH}")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + ELLIPSIS


def subject(text: str, limit: int = 180) -> str:
    """Make a mail header's value: one line, and no encoded word of somebody else's making.

    Python before 3.11.10 decodes `=?...?=` inside a subject into real headers (CVE-2024-6923).
    """
    return re.sub(r"=(?=\?)", "= ", clean(text, limit)).replace("?=", "? =")


@lru_cache(maxsize=1_024)
def link(url: str | None) -> str | None:
    """Return a link that is safe to show, or None: http(s) only, no user part, nothing unquoted."""
    if not url or len(url) > MAX_LINK:
        return None
    if any(unicodedata.category(char) in _DROPPED for char in url) or " " in url.strip():
        return None
    try:
        parts = urlsplit(url.strip())
        port = f":{parts.port}" if parts.port else ""
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None
    if parts.scheme.lower() not in {"http", "https"} or not host or parts.username is not None:
        return None
    if not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f:.]+", host):
        return None
    if ":" in host:
        host = f"[{host}]"
    # Kept: what a path or query needs. Quoted: what Markdown, mentions or HTML would read.
    path = quote(parts.path, safe="/%-._~!$&'+,;=:")
    query = f"?{quote(parts.query, safe='/%-._~!$&+,;=:?')}" if parts.query else ""
    return f"{parts.scheme.lower()}://{host}{port}{path}{query}"
