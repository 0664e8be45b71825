"""Structured logs: one JSON object a line on standard error.

A line with `"show": true` is one that `codegrey up` shows to the person at the terminal.
The correlation id of the entry at hand is bound by the consuming loop and stands in every
line written while it is handled.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

import structlog
from structlog.typing import FilteringBoundLogger

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure_logging(service: str, level: str = "info") -> None:
    """Send our lines and those of every library through one JSON formatter."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(LEVELS[level])
    # Libraries that talk at INFO about each request or rebalance; Apprise may print URLs.
    logging.getLogger("aiokafka.conn").addFilter(lambda record: "in the clear" not in record.getMessage())
    for name in ("aiokafka", "httpx2", "httpcore2", "uvicorn", "asyncio", "alembic", "faststream", "apprise"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _named(service: str) -> Any:
    def add(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        event.setdefault("service", service)
        return event

    return add


def get_logger() -> FilteringBoundLogger:
    """Return the logger that every module uses."""
    return cast("FilteringBoundLogger", structlog.get_logger())
