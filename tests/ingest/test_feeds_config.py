"""The file of feeds: what is accepted, and how mistakes are told."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from services.ingest.fetching.wishes import wishes_of
from services.ingest.sources.feeds_file import FeedsFile, FeedsWatch, ReadFiles, feeds_path, load_feeds
from services.ingest.sources.schema import feeds_schema
from shared.config_file import parse_config
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
        (
            "  - url: https://a.example/\n    trust: official\n    claims_by_attackers: true",
            ["a.example", "contradict each other"],
        ),
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


def test_the_starter_set_is_valid_and_speaks_many_languages() -> None:
    """The files that people start from have no mistake, and say that nobody could try them."""
    folder = Path(__file__).parents[2] / "config"
    feeds = load_feeds(Settings(config=folder)).feeds
    assert len(feeds) > 80
    assert len({feed.language for feed in feeds}) > 12
    assert feeds_path(Settings(config=folder)) == folder / "feeds.yaml"
    assert all("NOT fetched" in part.read_text("utf-8") for part in (folder / "feeds.d").glob("*.yaml"))


def test_the_schema_in_the_repository_is_that_of_the_code_and_accepts_its_files() -> None:
    """Written anew by `codegrey feeds schema`; referred to in the file itself."""
    folder = Path(__file__).parents[2] / "config"
    schema = (folder / "feeds.schema.json").read_text("utf-8")
    assert schema == feeds_schema(), "run: codegrey feeds schema > config/feeds.schema.json"
    assert "$schema=feeds.schema.json" in (folder / "feeds.yaml").read_text("utf-8").splitlines()[0]
    validator = Draft202012Validator(json.loads(schema))
    for part in (folder / "feeds.yaml", *(folder / "feeds.d").glob("*.yaml")):
        validator.validate(YAML(typ="safe").load(part.read_text("utf-8")))
    assert list(validator.iter_errors({"feeds": [{"url": "https://a.example/", "intervall": "5m"}]}))
    validator.validate({"feeds": ["https://a.example/"], "searches": None})


def written(folder: Path, **files: str) -> Settings:
    """Write files into a configuration folder; `d_` stands for feeds.d/."""
    (folder / "feeds.d").mkdir(exist_ok=True)
    for name, text in files.items():
        path = folder / "feeds.d" / f"{name[2:]}.yaml" if name.startswith("d_") else folder / f"{name}.yaml"
        path.write_text(text, "utf-8")
    return Settings(config=folder)


def test_files_of_a_folder_are_included_and_their_mistakes_told_by_name(tmp_path: Path) -> None:
    """A team drops in a file; one that repeats a feed or breaks a rule is named."""
    main = "include: [feeds.d/*.yaml]\nfeeds: [https://a.example/]\n"
    settings = written(tmp_path, feeds=main, d_team="feeds:\n  - https://b.example/\n")
    assert [feed.url for feed in load_feeds(settings).feeds] == ["https://a.example/", "https://b.example/"]
    written(tmp_path, d_again="feeds: [https://A.example]\n", d_bad="feeds:\n  - url: x\n", d_out="contact: me\n")
    with pytest.raises(ConfigError) as caught:
        load_feeds(settings)
    said = str(caught.value)
    assert "again.yaml: https://A.example stands in feeds.yaml already" in said
    assert "bad.yaml:2" in said
    assert "out.yaml" in said


@pytest.mark.parametrize("pattern", ["/etc/*.yaml", "../*.yaml"])
def test_only_files_beside_are_included(pattern: str) -> None:
    """Nothing of elsewhere is read."""
    with pytest.raises(ConfigError, match="beside"):
        parsed(f"include: ['{pattern}']\n")


def test_a_search_stands_for_a_feed_for_each_term_in_each_language() -> None:
    """Words are escaped; options are those of every feed."""
    file = parsed(
        "searches:\n  - url: https://s.example/?q={term}&hl={language}\n    name: S\n    interval: 1h\n"
        "    full_text: never\n    terms: {fr: [hôpital piraté, b], de: [c]}\n"
    )
    feeds = file.all_feeds()
    assert [feed.url for feed in feeds] == [
        "https://s.example/?q=h%C3%B4pital+pirat%C3%A9&hl=fr",
        "https://s.example/?q=b&hl=fr",
        "https://s.example/?q=c&hl=de",
    ]
    assert {(feed.interval, feed.full_text) for feed in feeds} == {(3600, "never")}
    assert feeds[0].name == "S: hôpital piraté"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("page: 'a[['", "CSS"),
        ("json: {entries: 'a[['}", "JMESPath"),
        ("json: {}", "'entries' is missing"),
        ("page: a\n    json: {entries: b}", "either"),
        ("headers: {Host: x}", "cannot be set"),
        ('headers: {X: "a\\r\\nb"}', "one line"),
        ("proxy: socks://x", "http"),
        ("limits: {megabytes: 900}", "64"),
        ("full_text: always", "candidates"),
    ],
)
def test_options_that_make_no_sense_are_told(lines: str, words: str) -> None:
    """Each with what would."""
    with pytest.raises(ConfigError, match=re.escape(words)):
        parsed(f"feeds:\n  - url: https://a.example/\n    {lines}\n")


def test_a_change_in_any_file_is_seen_once(tmp_path: Path) -> None:
    """By content: a file that is merely touched has not changed."""
    settings = written(tmp_path, feeds="feeds: []\n", d_team="feeds: []\n")
    watch = FeedsWatch(feeds_path(settings))
    assert not watch.changed()
    written(tmp_path, d_new="feeds: [https://b.example/]\n")
    assert (watch.changed(), watch.changed()) == (True, False)
    os.utime(tmp_path / "feeds.yaml", (1, 1))
    assert not watch.changed()
    (tmp_path / "feeds.d" / "new.yaml").unlink()
    assert watch.changed()


def test_of_many_files_only_the_changed_one_is_read_again(tmp_path: Path) -> None:
    """A mistake is not remembered: the file is read until it is right."""
    settings = written(tmp_path, feeds="include: [feeds.d/*.yaml]\n", d_a="feeds: [https://a.example/]\n")
    written(tmp_path, d_b="feeds: [https://b.example/]\n")
    files = ReadFiles()
    first = load_feeds(settings, files)
    written(tmp_path, d_b="feeds: [https://c.example/, nonsense]\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"b\.yaml:1"):
            load_feeds(settings, files)
    written(tmp_path, d_b="feeds: [https://c.example/]\n")
    second = load_feeds(settings, files)
    assert [feed.url for feed in second.feeds] == ["https://a.example/", "https://c.example/"]
    assert second.feeds[0] is first.feeds[0]


def test_secrets_of_headers_are_read_when_they_are_sent(tmp_path: Path) -> None:
    """One that is missing leaves its header out."""
    (tmp_path / "token").write_text("s3cret\n")
    feed = parsed(
        "feeds:\n  - url: https://a.example/\n    headers: {X-A: 'Bearer ${token}', X-B: '${none}'}\n"
        "    proxy: http://proxy.example:3128\n    limits: {megabytes: 2, seconds: 5}\n"
    ).feeds[0]
    wishes = wishes_of(feed, tmp_path)
    assert wishes.headers == (("X-A", "Bearer s3cret"),)
    assert (wishes.proxy, wishes.max_body, wishes.within_s) == ("http://proxy.example:3128", 2 * 1024**2, 5.0)
