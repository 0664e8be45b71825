"""Mistakes in subscriptions.yaml are named with their line, and the example is in order."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from services.notifier.config import Subscriptions, read_subscriptions
from shared.config_file import parse_config
from shared.errors import ConfigError
from shared.settings import Settings

CHANNELS = "channels:\n  mail: {kind: email, to: a@x.example}\n"


def quiet(hours: str) -> str:
    """Write a file with one subscription that has quiet hours."""
    return CHANNELS + "subscriptions:\n  - {name: a, channels: [mail], quiet_hours: {" + hours + "}}\n"


def test_the_example_is_in_order() -> None:
    """Read the file that people start from."""
    config = read_subscriptions(Settings(config=Path("config")))
    assert config.named("duty")
    assert config.operators


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (CHANNELS + "subscriptions:\n  - {name: a, channels: [mail], minimum: 3}\n", 4, "unknown key 'minimum'"),
        (CHANNELS + "subscriptions:\n  - name: a\n    channels: [mail]\n    minimum_level: 6\n", 6, "less than"),
        (
            CHANNELS + "subscriptions:\n  - {name: a, channels: [mail, chat]}\n",
            4,
            "(chat): there is no such channel (known: mail)",
        ),
        (CHANNELS + "subscriptions:\n  - {name: a, channels: []}\n", 4, "at least 1 item"),
        (CHANNELS + "subscriptions:\n  - {channels: [mail]}\n", 4, "'name' is missing"),
        (CHANNELS + "subscriptions:\n  - {name: operators, channels: [mail]}\n", 4, "reserved name"),
        (
            CHANNELS + "subscriptions:\n" + "  - {name: a, channels: [mail]}\n" * 2,
            5,
            "another subscription has the same name",
        ),
        (CHANNELS + "subscriptions:\n  - {name: a, channels: [mail], countries: [France]}\n", 4, "pattern"),
        (quiet("from: '22:00', to: '22:00'"), 4, "are the same"),
        (quiet("from: '22:00'"), 4, "'to' is missing"),
        (quiet("from: '24:00', to: '07:00'"), 4, "pattern"),
        (quiet("from: 22:00, to: 07:00, timezone: Paris"), 4, "no time zone"),
        (quiet("from: 22:00, to: 07:00, except_level: 6"), 4, "less than"),
        ("channels:\n  mail: {kind: email}\n", 2, "needs 'to'"),
        ("channels:\n  c: {kind: chat, to: a@x.example}\n", 2, "is a secret"),
        ("channels:\n  c: {kind: pigeon}\n", 2, "'email', 'chat' or 'webhook'"),
        ("channels:\n  c: {kind: email, to: 'a@x.example, b@x.example'}\n", 2, "pattern"),
        (
            "channels:\n  team-chat: {kind: chat}\n  team_chat: {kind: chat}\n",
            3,
            "share its secret with channel 'team-chat'",
        ),
        ("operators: {channels: [mail]}\n", 1, "operators: channels: item 1 (mail): there is no such channel"),
        ("subscriptions: [\n", 2, ""),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, words: str) -> None:
    """Refuse each mistake in words that help."""
    with pytest.raises(ConfigError) as refused:
        parse_config(text.encode(), Subscriptions, name="subscriptions.yaml")
    assert f"subscriptions.yaml:{line}: " in str(refused.value)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("hours", "moment", "holds"),
    [
        ("from: 22:00, to: 07:00", "2026-11-25T21:59:59+00:00", False),
        ("from: 22:00, to: 07:00", "2026-11-25T22:00:00+00:00", True),
        ("from: 22:00, to: 07:00", "2026-11-25T03:00:00+00:00", True),
        ("from: 22:00, to: 07:00", "2026-11-25T06:59:59+00:00", True),
        ("from: 22:00, to: 07:00", "2026-11-25T07:00:00+00:00", False),
        ("from: 12:00, to: 14:00", "2026-11-25T13:00:00+00:00", True),
        ("from: 12:00, to: 14:00", "2026-11-25T14:00:00+00:00", False),
        ("from: 22:00, to: 07:00, timezone: Europe/Paris", "2026-11-25T21:00:00+00:00", True),
        ("from: 22:00, to: 07:00, timezone: Europe/Paris", "2026-11-25T06:00:00+00:00", False),
        ("from: 22:00, to: 07:00, timezone: Europe/Paris", "2026-07-25T05:30:00+00:00", False),
        ("from: 22:00, to: 07:00, timezone: Asia/Tokyo", "2026-11-25T13:00:00+00:00", True),
    ],
)
def test_quiet_hours_go_by_the_clocks_of_their_place(hours: str, moment: str, holds: bool) -> None:
    """Over midnight, in summer and in winter; the first minute belongs to them, the last does not."""
    config = parse_config(quiet(hours).encode(), Subscriptions, name="subscriptions.yaml")
    found = config.subscriptions[0].quiet_hours
    assert found is not None
    assert found.holds(datetime.fromisoformat(moment)) is holds


def test_norway_is_a_country_and_not_a_falsehood() -> None:
    """Read NO as YAML 1.2 does."""
    text = CHANNELS + "subscriptions:\n  - {name: a, channels: [mail], countries: [NO, SE], outages: null}\n"
    config = parse_config(text.encode(), Subscriptions, name="subscriptions.yaml")
    assert config.subscriptions[0].countries == ("NO", "SE")
    assert config.subscriptions[0].outages is None
