"""The classifier's own metrics."""

from __future__ import annotations

from prometheus_client import Counter

ITEMS = Counter("codegrey_items_total", "News items read by the classifier")
CANDIDATES = Counter("codegrey_candidates_total", "News items that passed the gate")
VERDICTS = Counter("codegrey_verdicts_total", "Reports published", ["verdict"])
VECTORS = Counter("codegrey_vectors_total", "Candidates that the signals left open, by what became of it", ["outcome"])
