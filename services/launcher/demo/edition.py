"""Decide what a feed shows at a moment: which articles, in which version, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.launcher.demo.samples import Article, Outlet, Version


@dataclass(frozen=True)
class Entry:
    """One article as it stands at a moment."""

    article: Article
    version: Version
    published: datetime
    updated: datetime


def entries(outlet: Outlet, started: datetime, now: datetime) -> tuple[Entry, ...]:
    """Return what has been published by `now`, newest first.

    Dates hang on `started`, the moment the feeds were first read, and not on `now`: a demo
    that is started again shows the very same entries, and nothing is told twice.
    """
    elapsed = (now - started).total_seconds()
    shown = [entry for article in outlet.articles if (entry := _entry(article, started, elapsed))]
    return tuple(sorted(shown, key=lambda entry: (entry.published, entry.article.slug), reverse=True))


def changed_at(shown: tuple[Entry, ...], started: datetime) -> datetime:
    """Return when a feed last changed: what its Last-Modified says."""
    return max((entry.updated for entry in shown), default=started)


def _entry(article: Article, started: datetime, elapsed: float) -> Entry | None:
    standing = [version for version in article.versions() if version.after_seconds <= elapsed]
    if not standing:
        return None
    published = started + timedelta(seconds=article.after_seconds) - timedelta(minutes=article.minutes_before)
    version = standing[-1]
    updated = started + timedelta(seconds=version.after_seconds) if version.after_seconds else published
    return Entry(article, version, published, updated)
