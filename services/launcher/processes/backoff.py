"""How long to wait before something that ended is started again."""

from __future__ import annotations

from dataclasses import dataclass

STEPS_S = (1.0, 2.0, 5.0, 10.0, 30.0)
HEALTHY_S = 60.0


@dataclass(frozen=True)
class Backoff:
    """How often in a row something ended soon after its start."""

    failures: int = 0

    def after(self, lived: float, healthy: float = HEALTHY_S) -> tuple[float, Backoff]:
        """Return the pause after a life of `lived` seconds, and what to remember; `healthy` seconds forgive all."""
        failures = 0 if lived >= healthy else self.failures
        return STEPS_S[min(failures, len(STEPS_S) - 1)], Backoff(failures + 1)
