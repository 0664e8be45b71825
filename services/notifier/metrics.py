"""The notifier's own Prometheus metrics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from services.notifier.config import CANARY
from shared.metrics import StepTime, expect
from shared.topics import ALERTS

DECISIONS = Counter("codegrey_notifier_decisions_total", "Alerts matched, by what was decided", ["tell", "pace"])
SENDS = Counter("codegrey_notifier_sends_total", "Attempts to send, by outcome", ["channel", "outcome"])
SEND_SECONDS = Histogram(
    "codegrey_notifier_send_seconds",
    "Time of one attempt to send, seconds",
    ["channel"],
    buckets=(0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60),
)
DELIVERY_SECONDS = Histogram(
    "codegrey_notifier_delivery_seconds",
    "From the decision to the accepted message, seconds",
    ["channel"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600, 86400),
)
WAITING = Gauge("codegrey_notifier_deliveries_waiting", "Deliveries that are not finished")
CONFIG_BROKEN = Gauge("codegrey_notifier_config_broken", "1 while subscriptions.yaml cannot be read")
TROUBLES = Gauge("codegrey_notifier_troubles", "Troubles that operators were told of and that stand")
CANARY_SECONDS = Histogram(
    "codegrey_canary_seconds",
    "From the canary's publication to its arrival in the sink: the whole road, seconds",
    buckets=(0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3600),
)
CANARY_LATE = Gauge("codegrey_canary_late", "1 while canaries do not arrive")
CANARY_PINGS = Counter("codegrey_canary_pings_total", "Arrivals told to the dead man's switch", ["outcome"])
MERGED_TO_MATCHED = StepTime("merged_to_matched")
"""From the version of the incident to the decision who is told."""
MATCHED_TO_ACCEPTED = StepTime("matched_to_accepted")
"""From that decision to the word of the target that it has the message; what was folded waits on purpose."""
SEEN_TO_ACCEPTED = StepTime("seen_to_accepted")
"""All of our own road, of live news that is told at once."""
PUBLISHER_TO_ACCEPTED = StepTime("publisher_to_accepted")
"""The whole road from the publisher's own time, of the same."""
expect("codegrey-notifier", ALERTS)


def note_accepted(delivery: Mapping[str, Any], at: datetime) -> None:
    """Count the road of a delivery that a target accepted just now; operators' notices have no road behind them."""
    if delivery["purpose"] in {"operators", "test", "weekly"} or delivery["subscription"] == CANARY:
        return
    MATCHED_TO_ACCEPTED.note(delivery["created_at"], at)
    SEEN_TO_ACCEPTED.note(delivery["item_seen_at"], at)
    PUBLISHER_TO_ACCEPTED.note(delivery["item_published_at"], at)
