"""Read from the settings where and how a second opinion is asked for, and refuse what would leak a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from services.classifier.opinion.question import Band
from shared.errors import ConfigError
from shared.settings import Settings


@dataclass(frozen=True)
class Configured:
    """Hold where and how to ask."""

    url: str
    model: str
    key: SecretStr
    within_s: float
    band: Band
    per_minute: int
    options: Mapping[str, Any] = field(default_factory=dict)


def configured(settings: Settings) -> Configured | None:
    """Return what the settings say, None where no endpoint is wanted; ConfigError where they make no sense."""
    url = settings.judge_endpoint_url.strip()
    if not url:
        return None
    _check_url(url, bool(settings.judge_endpoint_key.get_secret_value()))
    if not settings.judge_endpoint_model:
        raise ConfigError("CODEGREY_JUDGE_ENDPOINT_URL is set, but CODEGREY_JUDGE_ENDPOINT_MODEL is not")
    low, high = settings.judge_endpoint_low, settings.judge_endpoint_high
    if low >= high:
        raise ConfigError("CODEGREY_JUDGE_ENDPOINT_LOW must be below CODEGREY_JUDGE_ENDPOINT_HIGH")
    return Configured(
        url=url.rstrip("/") + "/chat/completions",
        model=settings.judge_endpoint_model,
        key=settings.judge_endpoint_key,
        within_s=settings.judge_endpoint_seconds,
        band=Band(low, high),
        per_minute=settings.judge_endpoint_per_minute,
        options=settings.judge_endpoint_options,
    )


def _check_url(url: str, with_key: bool) -> None:
    name = "CODEGREY_JUDGE_ENDPOINT_URL"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"{name} is not an address") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigError(f"{name} must be an http or https address, such as https://models.example/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(f"{name} must hold no user, password or query: the key is CODEGREY_JUDGE_ENDPOINT_KEY")
    if with_key and parts.scheme == "http" and not _stays_inside(host):
        raise ConfigError(f"{name} must be https, since a key is sent to it")


def _stays_inside(host: str) -> bool:
    """Say whether a host is this machine, a private address, or a bare name of a container's network."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host
