"""The notifier's own Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

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
