"""Read the words that tell a country (`places.toml`): regions, adjectives, homes of languages."""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_DATA = Path(__file__).with_name("places.toml")


@cache
def tables() -> dict[str, Any]:
    """Return all of the file."""
    return tomllib.loads(_DATA.read_text(encoding="utf-8"))


@cache
def table(name: str) -> dict[str, str]:
    """Return one table: words with the country (or, for a plain list, with nothing) that each stands for."""
    found = tables()[name]
    if isinstance(found, str):
        return dict.fromkeys((word.strip() for word in found.replace("\n", ",").split(",") if word.strip()), "")
    flat: dict[str, str] = {}
    for key, value in found.items():
        if len(key) == 2 and key.isupper():
            flat.update({word.strip(): key for word in value.replace("\n", ",").split(",") if word.strip()})
        else:
            flat[key] = value
    return flat


@lru_cache(maxsize=8192)
def is_demonym(word: str) -> bool:
    """Say whether a word (in lower case) only says of which country something is: "french", "alemán"."""
    return word.startswith(_demonyms())


@cache
def country_words() -> frozenset[str]:
    """Return the names of countries (in lower case) in the languages that news is read in most."""
    from babel import Locale

    found: set[str] = set()
    for language in ("en", "fr", "de", "es", "it", "pt", "nl", "pl", "sv", "ja", "zh", "ko", "ru"):
        territories = Locale.parse(language).territories
        found.update(str(name).lower() for code, name in territories.items() if len(code) == 2 and code.isalpha())
    return frozenset(found)


@cache
def _demonyms() -> tuple[str, ...]:
    return tuple(table("demonyms"))
