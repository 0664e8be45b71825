"""The canary's feed is ours alone, whatever a person's list of feeds holds."""

from __future__ import annotations

from services.ingest.canary import CanaryFetcher, with_canary
from services.ingest.sources.feeds import Feed
from services.ingest.sources.feeds_file import FeedsFile
from shared import canary


def test_a_list_that_names_the_canary_does_not_keep_all_feeds_from_being_taken_in() -> None:
    """Replace it by ours: the database refuses a statement that names one feed twice."""
    feeds = (Feed(url=canary.FEED), Feed(url="https://news.example/feed"))
    fetcher = CanaryFetcher.__new__(CanaryFetcher)
    found = with_canary(FeedsFile.model_construct(feeds=feeds), fetcher, 900)
    assert [one.url for one in found.feeds] == ["https://news.example/feed", canary.FEED]
    assert found.feeds[-1].name == canary.NAME
