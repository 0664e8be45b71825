"""Read all that the project wrote itself for the judge to be fitted to and measured by."""

from __future__ import annotations

from collections.abc import Iterator

from services.classifier.measure.labelled import Labelled, read_headlines
from services.classifier.training.corpus import load_corpus


def read_own() -> Iterator[Labelled]:
    """Read the headlines, then the corpus."""
    yield from read_headlines()
    for item in load_corpus():
        yield item.labelled()
