"""Look whether channels can work, without sending (`check`) or with a marked test (`test`)."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime

from services.notifier.config import OPERATORS, Subscriptions, read_subscriptions, targets
from services.notifier.message import test_message
from services.notifier.send import send, try_out
from shared.errors import ConfigError
from shared.settings import Settings


def check_channels(config: Subscriptions, settings: Settings) -> list[str]:
    """Say what is missing for each channel that is used: a secret, the mail server."""
    used = {name for one in config.subscriptions for name in one.channels}
    used |= set(config.operators.channels if config.operators else ())
    problems = []
    for target in targets(config, tuple(sorted(used))):
        try:
            try_out(target, settings)
        except ConfigError as error:
            problems.append(f"channel {target.channel!r}: {error}")
    return list(dict.fromkeys(problems))


async def send_test(name: str, settings: Settings) -> list[dict[str, str]]:
    """Send a test to every target of a subscription; return what came of each."""
    config = read_subscriptions(settings)
    subscription = config.named(name)
    if subscription:
        channels = subscription.channels
    elif name == OPERATORS and config.operators:
        channels = config.operators.channels
    else:
        known = ", ".join(one.name for one in config.subscriptions) or "none"
        raise ConfigError(f"there is no subscription {name!r} (known: {known})")
    message = test_message(name, datetime.now(UTC))
    found = targets(config, channels)
    outcomes = await asyncio.gather(
        *(
            send(target, message, delivery_id=secrets.token_hex(16), possible_repeat=False, settings=settings)
            for target in found
        )
    )
    return [
        {"target": target.key, "kind": target.kind, "outcome": outcome.result.value, "detail": outcome.detail}
        for target, outcome in zip(found, outcomes, strict=True)
    ]
