"""What the tracker counts."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from shared.metrics import OUTBOX_REFUSED, StepTime, expect
from shared.topics import REPORTS as TOPIC

REPORTS = Counter("codegrey_tracker_reports_total", "Reports by what became of them", ["outcome"])
VERSIONS = Counter("codegrey_tracker_versions_total", "Versions of incidents by reason", ["reason"])
CANDIDATES = Histogram(
    "codegrey_tracker_candidates",
    "Incidents that one report was compared with",
    buckets=(0, 1, 3, 10, 30, 100, 300, 1000, 3000),
)
JUDGED_TO_MERGED = StepTime("judged_to_merged")
"""From the topic of reports to the transaction that takes the report in."""
expect("codegrey-tracker", TOPIC)
OUTBOX_REFUSED.labels("tracker")
