"""Deterministic ids: what is delivered twice is recognised by its id and harmless."""

from __future__ import annotations

import hashlib


def stable_id(*parts: str | int) -> str:
    """Hash `parts` into 32 hexadecimal digits (128 bits of SHA-256).

    Each part is written with its length, so that ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = str(part).encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()[:32]
