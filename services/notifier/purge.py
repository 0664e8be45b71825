"""What the notifier lets go of, and when.

For ever stay: the inbox (the topic of alerts is kept for ever, too), what each subscription was last told, the
decision on the newest version of each incident (a replayed older one is known by it), what waits for a fold or a
summary, and every delivery that has not ended or that operators have not been told of.
"""

from __future__ import annotations

from services.notifier.config import OPERATORS
from shared.purge import Bite
from shared.settings import Settings

LEAST_DAYS = 3
"""A delivery is known for longer than a weekly message may come late (`weekly.LATEST`): gone, it would be due again."""
LOOKED_AT = 20_000
"""Of the oldest decisions, among which those that may go are looked for: what stays for ever is far less."""

_DECISIONS = f"""
DELETE FROM notifier.notice WHERE id IN (
    SELECT id FROM (SELECT * FROM notifier.notice ORDER BY id LIMIT {LOOKED_AT}) old
    WHERE at < clock_timestamp() - make_interval(days => :days)
      AND (message IS NULL OR list_id IS NOT NULL)
      AND EXISTS (
          SELECT FROM notifier.notice newer
          WHERE newer.incident_id = old.incident_id AND (newer.version, newer.id) > (old.version, old.id))
    ORDER BY id LIMIT :rows)
"""  # noqa: S608 - a number of ours
_DELIVERIES = f"""
DELETE FROM notifier.delivery WHERE id IN (
    SELECT id FROM (SELECT * FROM notifier.delivery ORDER BY seq LIMIT {LOOKED_AT}) old
    WHERE finished_at < clock_timestamp() - make_interval(days => :days)
      AND state NOT IN ('queued', 'sending')
      AND (state = 'sent' OR reported_at IS NOT NULL OR subscription = '{OPERATORS}')
    ORDER BY seq LIMIT :rows
    FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - a number and a name of ours
# A name that returns starts anew.
_FORMER = """
DELETE FROM notifier.told WHERE (subscription, incident_id) IN (
    SELECT told.subscription, told.incident_id FROM notifier.told
    JOIN notifier.subscription ON subscription.name = told.subscription
    WHERE subscription.removed_at < clock_timestamp() - make_interval(days => :days)
    LIMIT :rows)
"""
_SILENCES = """
DELETE FROM notifier.silence WHERE id IN (
    SELECT id FROM notifier.silence
    WHERE coalesce(ended_at, until) < clock_timestamp() - make_interval(days => :days) LIMIT :rows)
"""


def bites(settings: Settings) -> list[Bite]:
    """Return what the notifier lets go of."""
    days = settings.keep_decisions_days
    return [
        Bite("decisions", days, _DECISIONS),
        Bite("deliveries", days and max(days, LEAST_DAYS), _DELIVERIES),
        Bite("former subscriptions", days, _FORMER),
        Bite("silences that are over", days, _SILENCES),
    ]
