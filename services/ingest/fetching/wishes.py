"""Turn what is configured of a feed into what its requests carry; secrets are read at the last moment."""

from __future__ import annotations

from pathlib import Path

from services.ingest.fetching.fetch import Wishes
from services.ingest.sources.feeds import SECRET, Feed

_USUAL = Wishes()


def wishes_of(config: Feed, secrets: Path) -> Wishes:
    """Return the headers, proxy and limits of a feed's requests.

    A secret that is missing leaves its header out: the publisher's refusal is told then.
    """
    if not (config.headers or config.proxy or config.limits.model_fields_set):
        return _USUAL
    headers = []
    for name, value in config.headers.items():
        wanted = SECRET.findall(value)
        found = {secret: read_secret(secrets, secret) for secret in wanted}
        if all(found.values()):
            headers.append((name, SECRET.sub(lambda match: found[match.group(1)], value)))  # noqa: B023 - used at once
    limits = config.limits
    return Wishes(
        headers=tuple(headers),
        proxy=config.proxy,
        max_body=limits.megabytes * 1024**2,
        within_s=float(limits.seconds),
    )


def read_secret(folder: Path, name: str) -> str:
    """Read a file of the secrets folder; empty where it cannot be read."""
    try:
        return " ".join((folder / name).read_text("utf-8").split())
    except (OSError, UnicodeDecodeError):
        return ""
