"""A road of a test's own: every service's handlers on a real database, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.settings import Settings
from tests.launcher.pipeline import Pipeline
from tests.notifier.notifier_sinks import MailSink, mail_sink


@pytest.fixture
def mail() -> Iterator[MailSink]:
    """Run a mail server."""
    with mail_sink() as sink:
        yield sink


@pytest.fixture
def road(engine: AsyncEngine, settings: Settings, mail: MailSink) -> Pipeline:
    """Lay a road of the test's own."""
    return Pipeline(engine, settings, mail.port)
