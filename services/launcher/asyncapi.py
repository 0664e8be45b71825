"""The AsyncAPI document: every topic with its event and who reads it, made from the code itself."""

from __future__ import annotations

from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from faststream.kafka import KafkaBroker
from faststream.specification.asyncapi import AsyncAPI

from services.classifier import handle as classifier_handle
from services.classifier.app import CONSUMPTION as CLASSIFIER
from services.notifier import handle as notifier_handle
from services.notifier.app import CONSUMPTION as NOTIFIER
from services.tracker import handle as tracker_handle
from services.tracker.app import CONSUMPTION as TRACKER
from shared.topics import EVENT_TOPICS

DESCRIPTION = "News items, reports and alerts on attacks against hospitals, from feed to mailbox."


def document() -> str:
    """Describe the channels without connecting to anything."""
    broker = KafkaBroker("localhost:9092")
    for topic in EVENT_TOPICS:
        broker.publisher(topic.name, title=topic.name, schema=topic.event)
    for consumption, module in (
        (CLASSIFIER, classifier_handle),
        (TRACKER, tracker_handle),
        (NOTIFIER, notifier_handle),
    ):

        async def read(events: Sequence[Any]) -> None:
            """Stand in for the service's handler: the document needs its types, not its work."""

        read.__annotations__["events"] = list[consumption.event]  # type: ignore[name-defined]
        description = (module.__doc__ or "").strip()
        broker.subscriber(
            consumption.topic, group_id=consumption.group, batch=True, title=consumption.group, description=description
        )(read)
    return AsyncAPI(broker, title="Code Grey", version="0.1.0", description=DESCRIPTION).to_specification().to_json()


def serve_document(port: int) -> None:
    """Serve the document on loopback until interrupted; there is no page that could publish."""
    body = document().encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path in {"/", "/asyncapi.json"}
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body if found else b"{}")

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.serve_forever()
