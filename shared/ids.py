"""Deterministic ids: what is delivered twice is recognised by its id and harmless."""

from __future__ import annotations

import hashlib


def stable_id(*parts: str | int) -> str:
    """Hash `parts` into 32 hexadecimal digits (128 bits of SHA-256).

    Each part is written with its length, so that ("ab", "c") and ("a", "bc") differ.
    """
    written = [str(part).encode("utf-8", "surrogatepass") for part in parts]
    return hashlib.sha256(b"".join([b"%d:%b" % (len(data), data) for data in written])).hexdigest()[:32]
