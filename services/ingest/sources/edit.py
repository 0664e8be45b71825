"""Write feeds into `feeds.yaml` as a careful person would: comments, order and spacing stay."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from services.ingest.sources.feeds import Feed
from services.ingest.sources.feeds_file import FeedsFile
from services.ingest.story.urls import canonical_url
from shared.config_file import parse_config
from shared.errors import ConfigError

_SHOWN = ("name", "language", "country", "page", "allow_private")


def add_feeds(path: Path, feeds: Sequence[Feed], known: Sequence[Feed]) -> list[Feed]:
    """Add those of `feeds` that are not `known` to the file at `path`, which is made where it is missing.

    What would be written is checked first, and takes the file's place at once; returns what was added.
    """
    have = {canonical_url(feed.url) for feed in known}
    new = list({key: feed for feed in feeds if (key := canonical_url(feed.url)) not in have}.values())
    if not new:
        return []
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = path.read_text("utf-8") if path.exists() else ""
    document = yaml.load(text) if text.strip() else CommentedMap()
    document = document if document is not None else CommentedMap()
    if not isinstance(document, CommentedMap):
        raise ConfigError(f"{path}: must be a mapping with the key `feeds`")
    if not document.get("feeds"):
        document["feeds"] = CommentedSeq()
    for feed in new:
        document["feeds"].append(_entry(feed))
    out = StringIO()
    yaml.dump(document, out)
    parse_config(out.getvalue().encode(), FeedsFile, name=path.name)
    _replace(path, out.getvalue())
    return new


def _entry(feed: Feed) -> Any:
    values = {name: value for name in _SHOWN if (value := getattr(feed, name))}
    return CommentedMap({"url": feed.url} | values) if values else feed.url


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
