"""Configuration files: every mistake is told with its file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from shared.config_file import FileWatch, parse_config, read_config
from shared.errors import ConfigError


class Feed(BaseModel):
    """A feed, for the test."""

    model_config = ConfigDict(extra="forbid")
    url: str
    interval: int = 5


class File(BaseModel):
    """A file, for the test."""

    model_config = ConfigDict(extra="forbid")
    feeds: list[Feed]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            b"feeds:\n  - url: http://a\n    intervall: 3\n",
            "f.yaml:3: .*a.*unknown key 'intervall'.*did you mean 'interval'",
        ),
        (b"feeds:\n  - url: http://a\n    interval: soon\n", "f.yaml:3: .*http://a.*valid integer"),
        (b"feeds:\n  - interval: 3\n", "f.yaml:2: .*'url' is missing"),
        (b"feeds: [\n", "f.yaml:2: "),
        (b"\xff\xfe", "not UTF-8"),
        (b"feeds:\n  - url: a\n    url: b\n", "f.yaml:3: .*duplicate key"),
        (b"", "'feeds' is missing"),
        (b"- 1\n", "f.yaml:1: "),
    ],
)
def test_a_mistake_is_told_with_its_line(content: bytes, problem: str) -> None:
    """The message alone is enough to mend the file."""
    with pytest.raises(ConfigError, match=problem):
        parse_config(content, File, name="f.yaml")


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody should mend a file one error at a time."""
    with pytest.raises(ConfigError) as error:
        parse_config(b"feeds:\n  - url: a\n    x: 1\n  - interval: 2\n", File, name="f.yaml")
    assert len(str(error.value).splitlines()) == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path stands in the error."""
    with pytest.raises(ConfigError, match=r"nothing\.yaml: cannot be read"):
        read_config(tmp_path / "nothing.yaml", File)


def test_a_change_is_seen_once(tmp_path: Path) -> None:
    """By content: touching a file changes nothing."""
    file = tmp_path / "f.yaml"
    file.write_text("a")
    watch = FileWatch(file)
    assert not watch.changed()
    file.write_text("b")
    assert watch.changed()
    assert not watch.changed()
    file.unlink()
    assert watch.changed()
