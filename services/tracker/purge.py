"""What the tracker lets go of: only the messages that Kafka has.

Incidents, their versions, every report and the inbox are kept for ever: they are the memory of this system, the
topics that they stand for are kept for ever, too, and a report that came again after its inbox row had gone would
be taken for a new one. They are few: some kilobytes for each of the few items that pass the gate.
"""

from __future__ import annotations

from shared.purge import Bite, outbox_bite
from shared.settings import Settings


def bites(settings: Settings) -> list[Bite]:
    """Return what the tracker lets go of."""
    return [outbox_bite("tracker", settings.keep_outbox_days)]
