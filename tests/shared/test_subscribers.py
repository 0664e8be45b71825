"""Every service's subscriber keeps to the one loop's rules, asked of the library itself."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from shared.consume import Consumer


@pytest.mark.parametrize("service", ["classifier", "tracker", "notifier"])
def test_a_subscriber_acknowledges_by_hand_in_raw_batches_and_never_replies(service: str) -> None:
    """A default left standing here would commit before the work, or publish where a stranger's header says."""
    consumption = importlib.import_module(f"services.{service}.app").CONSUMPTION

    async def handle(_received: Any) -> None:
        """Do nothing."""

    consumer = Consumer(consumption, handle, producer=None, fail=lambda fault: None)  # type: ignore[arg-type]
    broker = KafkaBroker("localhost:1", apply_types=False)
    consumer.attach(broker)
    (subscriber,) = broker.subscribers
    assert subscriber is consumer.subscriber
    assert subscriber.ack_policy is AckPolicy.MANUAL
    assert subscriber._no_reply is True
    assert type(subscriber).__name__ == "BatchSubscriber"
    assert subscriber.topic_names == [consumption.topic]
    assert subscriber._connection_args["auto_offset_reset"] == "earliest"
    assert subscriber._connection_args["enable_auto_commit"] is False
