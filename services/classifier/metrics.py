"""The classifier's own metrics."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from shared.metrics import StepTime, expect
from shared.topics import NEWS

ITEMS = Counter("codegrey_items_total", "News items read by the classifier")
CANDIDATES = Counter("codegrey_candidates_total", "News items that passed the gate")
VERDICTS = Counter("codegrey_verdicts_total", "Reports published", ["verdict"])
VECTORS = Counter("codegrey_vectors_total", "Candidates that the signals left open, by what became of it", ["outcome"])
ENDPOINT = Counter(
    "codegrey_endpoint_total", "Borderline items, by what came of asking the endpoint (where one is set)", ["outcome"]
)
ENDPOINT_SECONDS = Histogram(
    "codegrey_endpoint_seconds", "Time of one question to the endpoint, seconds", buckets=(0.1, 0.25, 0.5, 1, 1.5)
)
SEEN_TO_PUBLISHED = StepTime("seen_to_published")
"""From first sight to the topic of news; of what passes the gate, as all that follows."""
PUBLISHED_TO_JUDGED = StepTime("published_to_judged")
"""From the topic of news to Kafka's word on the report."""
expect("codegrey-classifier", NEWS)
