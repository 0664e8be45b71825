"""What is believed of a hub, without any: signatures, leases, waits."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta

import pytest

from services.ingest.fetching.link_header import link_of
from services.ingest.hub.rules import LONGEST_LEASE, SHORTEST_LEASE, WISHED_LEASE, lease_of, relied_until, retry_in
from services.ingest.hub.rules import signature_is_right as right

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512", "SHA256"])
def test_a_signature_proves_the_very_bytes(method: str) -> None:
    """By any hash of the recommendation, and no byte less."""
    signature = f"{method}={hmac.new(b'secret', b'body', method.lower()).hexdigest()}"
    assert right("secret", signature, b"body")
    assert right("secret", f"{method}={signature.partition(chr(61))[2].upper()}", b"body")
    assert not right("secret", signature, b"body ")
    assert not right("other", signature, b"body")
    assert not right("secret", signature[:-1], b"body")


@pytest.mark.parametrize(
    "header", ["", "sha256", "sha256=", "md5=" + "0" * 32, "=", "sha256=\xff", "sha256=" + "0" * 64]
)
def test_what_is_no_signature_proves_nothing(header: str) -> None:
    """And raises nothing."""
    assert not right("secret", header, b"body")


@pytest.mark.parametrize(
    ("said", "lease"),
    [
        ("3600", timedelta(hours=1)),
        ("", WISHED_LEASE),
        ("-1", WISHED_LEASE),
        ("1", SHORTEST_LEASE),
        ("99999999999", LONGEST_LEASE),
        ("9" * 400, WISHED_LEASE),
    ],
)
def test_a_lease_is_believed_within_bounds(said: str, lease: timedelta) -> None:
    """Whatever a hub says."""
    assert lease_of(said) == lease


def test_waits_grow_up_to_a_day_and_pushes_are_relied_on_for_one() -> None:
    """Never beyond the lease."""
    assert retry_in(0) < retry_in(1) < retry_in(5) <= retry_in(50) == timedelta(days=1)
    assert relied_until(NOW + timedelta(hours=1), NOW) == NOW + timedelta(hours=1)
    assert relied_until(NOW + timedelta(days=9), NOW) == NOW + timedelta(days=1)
    assert relied_until(None, NOW) == NOW


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("<https://hub.example/>; rel=hub", "https://hub.example/"),
        ('<https://a.example/>; rel="self", </h>; title="a, <b>; rel=self"; rel="x hub"', "https://a.example/h"),
        ("<file:///etc/passwd>; rel=hub", None),
        ("<https://hub.example/>; rel=hubs", None),
        ("<" * 20_000 + "hub", None),
        ("", None),
    ],
)
def test_a_hub_is_found_in_a_link_header(header: str, found: str | None) -> None:
    """Among others, made absolute, a web address alone."""
    assert link_of(header, "hub", "https://a.example/f") == found
