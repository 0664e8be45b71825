"""The file of feeds: what is accepted, and how mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.ingest.feeds_file import FeedsFile, feeds_path, load_feeds
from shared.config_file import parse_config, read_config
from shared.errors import ConfigError
from shared.settings import Settings


def parsed(text: str) -> FeedsFile:
    """Read a file with this text."""
    return parse_config(text.encode(), FeedsFile, name="feeds.yaml")


def test_one_line_is_enough_for_a_feed() -> None:
    """Everything else has a default."""
    [feed] = parsed("feeds:\n  - https://news.example/feed\n").feeds
    assert (feed.url, feed.interval, feed.label) == ("https://news.example/feed", 900, "news.example")


def test_every_key_is_read() -> None:
    """A feed in full."""
    [feed] = parsed(
        "contact: desk@example.org\nfeeds:\n  - url: https://news.example/feed\n    name: News\n"
        "    interval: 2h\n    language: pt-BR\n    country: BR\n    claims_by_attackers: true\n"
        "    allow_private: true\n"
    ).feeds
    assert (feed.interval, feed.language, feed.country) == (7200, "pt-BR", "BR")
    assert feed.claims_by_attackers
    assert feed.allow_private


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("  - url: https://a.example/\n    intervall: 5m", ["feeds.yaml:4", "a.example", "did you mean 'interval'"]),
        ("  - ftp://a.example/", ["feeds.yaml:3", "ftp://a.example/", "http"]),
        ("  - url: https://a.example/\n    interval: 5 apples", ["feeds.yaml:4", "15m"]),
        ("  - url: https://a.example/\n    interval: 0s", ["feeds.yaml:4"]),
        ("  - url: https://a.example/\n    country: France", ["feeds.yaml:4", "a.example"]),
        ("  - url: https://a.example/\n    language: français", ["feeds.yaml:4", "language tag"]),
        ("  - https://u:p@a.example/", ["feeds.yaml:3", "password"]),
        ("  - name: X", ["feeds.yaml:3", "'url' is missing"]),
        ("  - https://a.example/x\n  - https://A.example:443/x#top", ["stands twice", "item 1 and item 2"]),
    ],
)
def test_a_mistake_is_told_with_its_line_and_feed(lines: str, words: list[str]) -> None:
    """Whoever reads the error knows where to mend it."""
    with pytest.raises(ConfigError) as caught:
        parsed(f"# feeds\nfeeds:\n{lines}\n")
    assert [word for word in words if word not in str(caught.value)] == []


def test_every_mistake_is_told_at_once() -> None:
    """Not one after the other."""
    with pytest.raises(ConfigError) as caught:
        parsed("feeds:\n  - gopher://x/\n  - url: https://a.example/\n    nane: X\n")
    assert str(caught.value).count("feeds.yaml:") == 2


def test_a_missing_file_is_told_by_name(tmp_path: Path) -> None:
    """The path stands in the error."""
    with pytest.raises(ConfigError, match=r"feeds\.yaml"):
        load_feeds(Settings(config=tmp_path))


def test_the_file_in_the_repository_is_valid() -> None:
    """The example that people start from has no mistake."""
    path = Path(__file__).parents[2] / "config" / "feeds.yaml"
    assert read_config(path, FeedsFile).feeds
    assert feeds_path(Settings(config=path.parent)) == path
