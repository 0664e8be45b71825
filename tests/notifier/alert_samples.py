"""Invented alerts for the notifier's tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from services.notifier.config import Channel, Subscription, Subscriptions
from shared.consume import Received
from shared.events import Alert, AlertReason, Certainty, CitedEvidence, Facts, Source, Status, Victim
from shared.headers import Trace
from shared.ids import stable_id

NOW = datetime(2026, 11, 24, 3, 12, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def facts(**changes: Any) -> Facts:
    """State the facts of an invented attack in France."""
    known: dict[str, Any] = {
        "victims": (Victim(name="Centre hospitalier de Valmont", place="Valmont", country="FR"),),
        "attack_date": date(2026, 11, 23),
        "certainty": Certainty.REPORTED,
        "status": Status.ONGOING,
    }
    return Facts(**(known | changes))


def alert(number: int = 1, version: int = 1, **changes: Any) -> Alert:
    """Make version `version` of the incident called `number`."""
    incident = stable_id("incident", number)
    level = changes.get("level", 4)
    known: dict[str, Any] = {
        "id": Alert.make_id(incident, version),
        "incident_id": incident,
        "version": version,
        "reason": AlertReason.OPENED if version == 1 else AlertReason.UPDATED,
        "created_at": NOW + timedelta(minutes=version),
        "headline": "Cyberattack on Centre hospitalier de Valmont (FR): emergency department closed",
        "level": level,
        "peak": level,
        "cap": "Severe",
        "grade_reason": "emergency department closed; patients transferred",
        "facts": facts(),
        "evidence": (
            CitedEvidence(
                signal="emergency_closed",
                words="emergency department closed",
                level=4,
                quote="les urgences sont fermées, sauf pour les patients qui se présentent d'eux-mêmes",
                url="https://journal-du-val.example/hopital?id=7",
                source="Journal du Val",
            ),
            CitedEvidence(
                signal="patients_transferred",
                words="patients transferred",
                level=4,
                quote="trois patients de réanimation ont été transférés dans la nuit",
                url="https://radio-plateau.example/a/31",
                source="Radio Plateau",
            ),
            CitedEvidence(
                signal="paper_mode",
                words="paper or degraded mode",
                level=3,
                quote="les prescriptions se font à la main",
                url="https://radio-plateau.example/a/31",
                source="Radio Plateau",
            ),
        ),
        "sources": (
            Source(
                url="https://journal-du-val.example/hopital?id=7",
                source="Journal du Val",
                title="Cyberattaque : l'hôpital de Valmont ferme ses urgences",
                published=NOW - timedelta(hours=2),
                entry_id=stable_id("entry", 1),
            ),
            Source(
                url="https://radio-plateau.example/a/31",
                source="Radio Plateau",
                title="Valmont : le centre hospitalier fonctionne sans informatique",
                published=NOW - timedelta(hours=1),
                entry_id=stable_id("entry", 2),
            ),
        ),
        "opened_at": NOW,
        "first_published": NOW - timedelta(hours=2),
        "entry_id": stable_id("entry", 1),
    }
    return Alert(**(known | changes))


def sings(number: int = 1, **changes: Any) -> Alert:
    """Make a canary's alert, published just now."""
    return alert(number, canary=True, first_published=datetime.now(UTC), **changes)


def received(*alerts: Alert) -> list[Received[Alert]]:
    """Wrap alerts as the consuming loop hands them over."""
    return [Received(one, "codegrey.alerts", 0, offset, Trace.start(one.entry_id)) for offset, one in enumerate(alerts)]


def subscription(**changes: Any) -> Subscription:
    """Make a subscription that wants everything from level 2."""
    return Subscription(**({"name": "duty", "channels": ("duty-mail",)} | changes))


def subscriptions(*wanted: Subscription, **channels: Channel) -> Subscriptions:
    """Make a whole configuration; `duty-mail` is there unless other channels are given."""
    known = {name.replace("_", "-"): channel for name, channel in channels.items()}
    known = known or {"duty-mail": Channel(kind="email", to=("duty@hospital.example",))}
    return Subscriptions(channels=known, subscriptions=wanted or (subscription(),))
