"""Turn what a publisher wrote, or an attacker, into plain text that is safe to store and show."""

from __future__ import annotations

import html
import json
import re

_BLOCKS = frozenset(
    "p div br li ul ol tr td th table h1 h2 h3 h4 h5 h6 blockquote section article header footer figure "
    "figcaption hr dd dt dl pre".split()
)
"""A block's end must not glue its last word to the next block's first."""
_WITHOUT_WORDS = frozenset({"script", "style", "noscript", "template"})
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in _WITHOUT_WORDS}
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]{0,20})|[!?/]")
_MARKUP = re.compile(r"</?(?:p|div|br|a|b|i|em|strong|span|img|li|ul|h[1-6]|table)\b[^<>]*>", re.IGNORECASE)
# Controls but tab and newline; bidi marks, embeddings, overrides and isolates; invisible
# spaces; surrogates, tags and non-characters. The joiners of Persian and Indic scripts stay.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)


def plain(text: str, *, markup: bool, limit: int) -> str:
    """Return `text` without markup, controls and bidi characters, its spaces tidied, cut at `limit`.

    `markup` says whether it is HTML; text that still looks like markup after one pass was
    escaped twice, as many feeds do, and is stripped once more. Raw input beyond what could
    ever be kept is cut first, so that one huge entry costs little.
    """
    text, printable = _bare(text, markup, limit)
    # What is printable has no space but the usual one: where no two stand together, there is nothing to tidy.
    tidy = printable and "  " not in text
    lines = [line.strip() if tidy else " ".join(line.split()) for line in text.split("\n")]
    return "\n".join([line for line in lines if line])[:limit].rstrip()


def one_line(text: str, *, markup: bool, limit: int) -> str:
    """Return `text` as `plain` does, on a single line."""
    return " ".join(_bare(text, markup, limit)[0].split())[:limit].rstrip()


def _bare(text: str, markup: bool, limit: int) -> tuple[str, bool]:
    """Return the words, and whether all that is left beside line ends is known to be printable."""
    text = text[: limit * 8]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    text, printable = _wanted(text)
    if markup and ("<" in text or "&" in text):
        referred = "&" in text
        text = _strip(text)
        if "<" in text and _MARKUP.search(text):
            text = _strip(text)
        if referred:  # character references may have brought them back
            text, printable = _wanted(text)
    return text, printable


def _wanted(text: str) -> tuple[str, bool]:
    # What is printable holds none of them; that is much quicker to tell than to search.
    printable = text.replace("\n", "").isprintable()
    return (text if printable else _UNWANTED.sub("", text)), printable


def _strip(text: str) -> str:
    """Drop tags, comments, scripts and styles, and resolve character references, in linear time.

    A real HTML parser takes over a minute for 80,000 nested tags (html5ever's did), and what
    comes out is plain text, so that nothing can hide in what a simple scan misreads.
    """
    pieces: list[str] = []
    place = 0
    while (start := text.find("<", place)) >= 0:
        pieces.append(text[place:start])
        tag = _NAME.match(text, start + 1)
        if tag is None:  # a bare "<", as in "5 < 6"
            pieces.append("<")
            place = start + 1
            continue
        name = (tag.group(1) or "").lower()
        if name in _BLOCKS:
            pieces.append("\n")
        place = _end_of(text, start)
        if name in _WITHOUT_WORDS and text[start + 1] != "/":
            closing = _CLOSING[name].search(text, place)
            place = closing.start() if closing else len(text)
    pieces.append(text[place:])
    return html.unescape("".join(pieces))


def _end_of(text: str, start: int) -> int:
    """Return where the tag or comment that begins at `start` is over; the end of the text where it is not."""
    comment = text.startswith("<!--", start)
    end = text.find("-->" if comment else ">", start)
    return len(text) if end < 0 else end + (3 if comment else 1)


_LONGEST = 6
"""Bytes of one character in JSON at most, as in \\u0007."""


def fit(text: str, max_bytes: int) -> str:
    """Cut `text` so that it takes at most `max_bytes` as a JSON string in UTF-8."""
    if len(text) * _LONGEST + 2 <= max_bytes:
        return text
    while (size := len(json.dumps(text, ensure_ascii=False).encode())) > max_bytes:
        # Each pass cuts in proportion and a little more, so that two or three are enough.
        text = text[: int(len(text) * max_bytes / size * 0.98)]
    return text
