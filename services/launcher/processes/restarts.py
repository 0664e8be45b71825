"""Tell a part that ends now and then from one that keeps ending, which operators must know of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.trouble import Trouble

STEADY_S = 600.0
"""Who has stayed up for so long runs; what was before is forgotten."""
MANY = 5
"""So many ends in a row, without being steady in between, are a trouble."""


@dataclass(frozen=True)
class Restarts:
    """How often in a row a part ended before it was steady, since when, and how it ended last."""

    ends: int = 0
    since: datetime | None = None
    last: str = ""

    def after(self, lived: float, ended: str, now: datetime) -> Restarts:
        """Count an end after a life of `lived` seconds; `ended` says how, `now` when."""
        before = Restarts() if lived >= STEADY_S else self
        return Restarts(before.ends + 1, before.since or now, ended)

    def troubles(self, name: str, now: datetime) -> tuple[Trouble, ...]:
        """Return what operators are told; nothing while it ended too seldom to speak of."""
        if self.ends < MANY or self.since is None:
            return ()
        minutes = max(1, round((now - self.since).total_seconds() / 60))
        within = "a minute" if minutes == 1 else f"{minutes} minutes"
        advice = (
            f"It has ended {self.ends} times in {within} and was never up for {STEADY_S / 60:.0f} minutes. "
            f"The last time it {self.last}. Its log stands in logs/; `codegrey doctor` looks at what it needs."
        )
        # Told again where it has doubled.
        return (Trouble(f"restarts:{name}", f"{name} keeps ending", advice, self.ends.bit_length(), self.since),)
