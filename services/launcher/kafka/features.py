"""Let a private Kafka use the formats of its own version, once a newer one has been started on older storage.

A newer broker goes on writing its metadata as the older one did (`metadata.version`), until it is told that there is
no way back. Kafka's own tool for that is not among the jars that we ship, so the two requests it makes are made here:
which features the broker supports and which are in force (ApiVersions 3), and raising one (UpdateFeatures 1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response, ResponseHeader_v0
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from shared.errors import Transient
from shared.kafka import admin
from shared.settings import Settings

METADATA_VERSION = "metadata.version"
LIMIT_S = 20.0
_SUPPORTED_TAG, _FINALIZED_TAG = 0, 2
_FEATURES = CompactArray(("name", CompactString("utf-8")), ("one", Int16), ("other", Int16), ("tags", TaggedFields))


class ApiVersionsResponse(Response):
    """What the broker speaks; its features stand in the tagged fields."""

    API_KEY = 18
    API_VERSION = 3
    SCHEMA = Schema(
        ("error_code", Int16),
        ("api_keys", CompactArray(("key", Int16), ("min", Int16), ("max", Int16), ("tags", TaggedFields))),
        ("throttle_time_ms", Int32),
        ("tags", TaggedFields),
    )


class ApiVersionsStruct(RequestStruct):
    """Ask what the broker speaks."""

    API_KEY = 18
    API_VERSION = 3
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = ApiVersionsResponse
    SCHEMA = Schema(("name", CompactString("utf-8")), ("version", CompactString("utf-8")), ("tags", TaggedFields))

    def parse_response_header(self, read_buffer: BytesIO | bytes) -> Any:
        """Read the old header: this one answer never has the new one."""
        return ResponseHeader_v0.decode(read_buffer)


class ApiVersionsRequest(Request[ApiVersionsStruct]):
    """Ask what the broker speaks."""

    API_KEY = 18

    def build(self, request_struct_class: type[ApiVersionsStruct]) -> ApiVersionsStruct:
        """Make the request."""
        return request_struct_class("codegrey", "1", {})


class UpdateFeaturesResponse(Response):
    """How raising features went."""

    API_KEY = 57
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", CompactString("utf-8")),
        (
            "results",
            CompactArray(
                ("feature", CompactString("utf-8")),
                ("error_code", Int16),
                ("error_message", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class UpdateFeaturesStruct(RequestStruct):
    """Raise features."""

    API_KEY = 57
    API_VERSION = 1
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = UpdateFeaturesResponse
    SCHEMA = Schema(
        ("timeout_ms", Int32),
        (
            "updates",
            CompactArray(
                ("feature", CompactString("utf-8")), ("level", Int16), ("upgrade_type", Int8), ("tags", TaggedFields)
            ),
        ),
        ("validate_only", Boolean),
        ("tags", TaggedFields),
    )


class UpdateFeaturesRequest(Request[UpdateFeaturesStruct]):
    """Raise one feature to a level."""

    API_KEY = 57

    def __init__(self, feature: str, level: int) -> None:
        upgrade = 1  # which never loses anything
        self._update: tuple[str, int, int, dict[int, bytes]] = (feature, level, upgrade, {})

    def build(self, request_struct_class: type[UpdateFeaturesStruct]) -> UpdateFeaturesStruct:
        """Make the request."""
        return request_struct_class(30_000, [self._update], False, {})


@dataclass(frozen=True)
class Features:
    """By name: the highest level that the broker supports, and the one in force."""

    supported: Mapping[str, int]
    in_force: Mapping[str, int]


async def features(client: Any) -> Features:
    """Ask the broker."""
    answer = await client._send_request(ApiVersionsRequest())  # noqa: SLF001 - the client has no word for it
    supported = _FEATURES.decode(BytesIO(answer.tags.get(_SUPPORTED_TAG, b"\x01"))) or []
    in_force = _FEATURES.decode(BytesIO(answer.tags.get(_FINALIZED_TAG, b"\x01"))) or []
    return Features(
        {name: highest for name, _, highest, _ in supported}, {name: level for name, level, _, _ in in_force}
    )


async def finalize(settings: Settings) -> tuple[int, int] | None:
    """Raise the metadata's version to what the broker supports; return (before, after), or None if it was there.

    Returns when it is in force: a broker that has just started may still be on its way to what stands in its log.
    """
    try:
        async with admin(settings) as client, asyncio.timeout(LIMIT_S):
            found = await features(client)
            before, after = found.in_force.get(METADATA_VERSION, 0), found.supported.get(METADATA_VERSION, 0)
            if before >= after:
                return None
            while found.in_force.get(METADATA_VERSION, 0) < after:
                if refusal := await _raise(client, after):
                    raise Transient(f"Kafka's {METADATA_VERSION} was not raised: {refusal}")
                await asyncio.sleep(0.2)
                found = await features(client)
            return before, after
    except (KafkaError, OSError, TimeoutError) as error:
        raise Transient(f"Kafka's {METADATA_VERSION} was not raised: {type(error).__name__}: {error}") from error


async def _raise(client: Any, level: int) -> str | None:
    """Ask for one level; return why it is refused for good."""
    answer = await client._send_request(UpdateFeaturesRequest(METADATA_VERSION, level))  # noqa: SLF001
    codes = [(answer.error_code, answer.error_message)]
    codes += [(result[1], result[2]) for result in answer.results or []]
    for code, words in codes:
        error = for_code(code)
        if code and not error.retriable:
            return f"{error.__name__} {words or ''}"
    return None
