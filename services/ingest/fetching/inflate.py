"""Decompress an answer without ever holding more than its cap: gzip bombs burst early.

An HTTP client's own decoder unpacks a whole chunk at once, and an answer may be packed twice,
so that a few kilobytes become gigabytes. Here at most `cap` bytes come out.
"""

from __future__ import annotations

import zlib

ACCEPTED = "gzip, deflate"
_GZIP_MAGIC = b"\x1f\x8b"
_MOST_MEMBERS = 1_000
"""Of one gzip document; millions that hold nothing would cost time without ever reaching the cap."""


class TooLarge(Exception):  # noqa: N818 - reads as the answer
    """Refuse an answer that is larger than the cap once unpacked; says how large that is."""

    def __init__(self, cap: int) -> None:
        super().__init__(f"{max(1, cap // 1024**2)} MB")


class Undecodable(Exception):  # noqa: N818 - reads as the answer
    """Refuse a packing that was not asked for, or is broken."""


class Inflater:
    """Unpack one answer, chunk by chunk, whatever its headers claim."""

    def __init__(self, encoding: str, cap: int) -> None:
        names = [name for part in encoding.lower().split(",") if (name := part.strip()) not in {"", "identity"}]
        if len(names) > 1:
            raise Undecodable(f"packed more than once ({encoding.strip()[:80]})")
        self._name = names[0].removeprefix("x-") if names else ""
        if self._name not in {"", "gzip", "deflate"}:
            raise Undecodable(f"packed as {self._name[:40]!r}, which was not asked for")
        self._cap = cap
        self._unpacker: zlib._Decompress | None = None
        self._started = False
        self._head = b""
        self._out = bytearray()
        self._taken = self._members = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes as they came; raises TooLarge or Undecodable."""
        if not self._started:
            self._head += chunk
            if len(self._head) < 2:
                return
            chunk, self._head, self._started = self._head, b"", True
            self._unpacker = self._choose(chunk)
        self._take(chunk)

    def finish(self) -> bytes:
        """Return everything; what a broken packing yielded before it broke counts."""
        if self._head:
            self._started = True
            self._take(self._head)
        return bytes(self._out)

    @property
    def whole(self) -> bool:
        """Whether the packing came to its end."""
        return self._unpacker is None or self._unpacker.eof

    def _choose(self, start: bytes) -> zlib._Decompress | None:
        # The bytes are believed rather than the header: some servers pack without saying so,
        # others say so without packing.
        if start.startswith(_GZIP_MAGIC):
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        if self._name != "deflate":
            return None
        zlib_header = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)

    def _take(self, chunk: bytes) -> None:
        self._taken += len(chunk)
        if self._taken > self._cap:  # packed or not: nothing shrinks by being unpacked
            raise TooLarge(self._cap)
        if self._unpacker is None:
            self._out += chunk
            return
        while chunk:
            try:
                self._out += self._unpacker.decompress(chunk, self._cap - len(self._out) + 1)
            except zlib.error as error:
                if not self._out:
                    raise Undecodable(f"its {self._name or 'gzip'} packing is broken") from error
                return
            if len(self._out) > self._cap:
                raise TooLarge(self._cap)
            chunk = self._unpacker.unconsumed_tail
            if self._unpacker.eof:
                # Several gzip members one after the other are one document; other rests are not ours.
                chunk = self._unpacker.unused_data
                if not chunk.startswith(_GZIP_MAGIC):
                    return
                self._members += 1
                if self._members >= _MOST_MEMBERS:
                    raise Undecodable(f"packed in more than {_MOST_MEMBERS} pieces")
                self._unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
