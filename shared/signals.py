"""Name what an article can say about an attack on care, and how grave each statement is.

This is the vocabulary of severity: the classifier finds signals, `shared.severity` grades them, the
notifier puts them into words. The levels are those of the severity table in the design.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Signal(StrEnum):
    """Name one kind of statement, quoted from an article."""

    ATTACK = "attack"
    OUTAGE = "outage"
    # 5, by someone's word who must know
    DEATH = "death_attributed"
    # 4
    EMERGENCY_CLOSED = "emergency_closed"
    AMBULANCES_DIVERTED = "ambulances_diverted"
    PATIENTS_TRANSFERRED = "patients_transferred"
    HOSPITAL_CLOSED = "hospital_closed"
    ACTIVITY_SUSPENDED = "activity_suspended"
    DISPATCH_DOWN = "dispatch_down"
    CRISIS_PLAN = "crisis_plan"
    BLOOD_STOPPED = "blood_stopped"
    LABORATORY_STOPPED = "laboratory_stopped"
    RADIOTHERAPY_STOPPED = "radiotherapy_stopped"
    VITAL_CARE_STOPPED = "vital_care_stopped"
    # 3
    PAPER_MODE = "paper_mode"
    SURGERY_CANCELLED = "surgery_cancelled"
    APPOINTMENTS_CANCELLED = "appointments_cancelled"
    RECORDS_DOWN = "records_down"
    LABORATORY_SYSTEMS_DOWN = "laboratory_systems_down"
    IMAGING_DOWN = "imaging_down"
    NETWORK_DOWN = "network_down"
    MEDICINES_BLOCKED = "medicines_blocked"
    CARE_DISRUPTED = "care_disrupted"
    CRISIS_TEAM = "crisis_team"
    DATA_PUBLISHED = "data_published"
    # 2
    OFFICE_SYSTEMS_HIT = "office_systems_hit"
    DATA_STOLEN = "data_stolen"
    RANSOM_DEMANDED = "ransom_demanded"
    SAMPLES_SEEN = "samples_seen"
    # 1
    BLOCKED = "blocked"
    CONTAINED = "contained"
    NO_EFFECT = "no_effect"
    WEBSITE_FLOODED = "website_flooded"
    WEBSITE_DEFACED = "website_defaced"
    ATTACKER_CLAIM = "attacker_claim"
    # the way back
    RESTORED = "restored"


class Axis(StrEnum):
    """Say what a signal speaks about: only signals of care raise with the number of sites or days."""

    CARE = "care"
    DATA = "data"
    WEBSITE = "website"
    OFFICE = "office"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Hold what a signal means: its level by itself, what it speaks about, and words for a message."""

    level: int
    axis: Axis
    words: str


MEANINGS: dict[Signal, Meaning] = {
    Signal.ATTACK: Meaning(2, Axis.EVENT, "attack reported"),
    Signal.OUTAGE: Meaning(2, Axis.EVENT, "systems are down, cause not stated"),
    Signal.DEATH: Meaning(5, Axis.CARE, "death or physical harm attributed to it"),
    Signal.EMERGENCY_CLOSED: Meaning(4, Axis.CARE, "emergency department closed"),
    Signal.AMBULANCES_DIVERTED: Meaning(4, Axis.CARE, "ambulances or emergency patients diverted"),
    Signal.PATIENTS_TRANSFERRED: Meaning(4, Axis.CARE, "patients transferred"),
    Signal.HOSPITAL_CLOSED: Meaning(4, Axis.CARE, "closed to patients"),
    Signal.ACTIVITY_SUSPENDED: Meaning(4, Axis.CARE, "clinical activity suspended"),
    Signal.DISPATCH_DOWN: Meaning(4, Axis.CARE, "ambulance dispatch or emergency calls down"),
    Signal.CRISIS_PLAN: Meaning(4, Axis.CARE, "crisis plan declared"),
    Signal.BLOOD_STOPPED: Meaning(4, Axis.CARE, "blood service stopped or sent elsewhere"),
    Signal.LABORATORY_STOPPED: Meaning(4, Axis.CARE, "laboratory stopped or sent elsewhere"),
    Signal.RADIOTHERAPY_STOPPED: Meaning(4, Axis.CARE, "radiotherapy stopped or sent elsewhere"),
    Signal.VITAL_CARE_STOPPED: Meaning(
        4, Axis.CARE, "chemotherapy, dialysis, intensive, maternity, stroke or cardiac care stopped"
    ),
    Signal.PAPER_MODE: Meaning(3, Axis.CARE, "paper or degraded mode"),
    Signal.SURGERY_CANCELLED: Meaning(3, Axis.CARE, "surgery cancelled"),
    Signal.APPOINTMENTS_CANCELLED: Meaning(3, Axis.CARE, "appointments cancelled"),
    Signal.RECORDS_DOWN: Meaning(3, Axis.CARE, "patient records out of reach"),
    Signal.LABORATORY_SYSTEMS_DOWN: Meaning(3, Axis.CARE, "laboratory's computers down"),
    Signal.IMAGING_DOWN: Meaning(3, Axis.CARE, "imaging down"),
    Signal.NETWORK_DOWN: Meaning(3, Axis.CARE, "computer network down"),
    Signal.MEDICINES_BLOCKED: Meaning(3, Axis.CARE, "medicines cannot be prescribed or dispensed as usual"),
    Signal.CARE_DISRUPTED: Meaning(3, Axis.CARE, "care disrupted"),
    Signal.CRISIS_TEAM: Meaning(3, Axis.CARE, "crisis team meets"),
    Signal.DATA_PUBLISHED: Meaning(3, Axis.DATA, "patient data published"),
    Signal.OFFICE_SYSTEMS_HIT: Meaning(2, Axis.OFFICE, "administration, mail or telephones hit"),
    Signal.DATA_STOLEN: Meaning(2, Axis.DATA, "data stolen or accessed"),
    Signal.RANSOM_DEMANDED: Meaning(2, Axis.EVENT, "ransom demanded"),
    Signal.SAMPLES_SEEN: Meaning(2, Axis.DATA, "samples of the data seen by others"),
    Signal.BLOCKED: Meaning(1, Axis.EVENT, "blocked before it had an effect"),
    Signal.CONTAINED: Meaning(1, Axis.EVENT, "contained"),
    Signal.NO_EFFECT: Meaning(1, Axis.EVENT, "no effect on care, as stated"),
    Signal.WEBSITE_FLOODED: Meaning(1, Axis.WEBSITE, "website flooded"),
    Signal.WEBSITE_DEFACED: Meaning(1, Axis.WEBSITE, "website defaced"),
    Signal.ATTACKER_CLAIM: Meaning(1, Axis.EVENT, "claimed by the attacker"),
    Signal.RESTORED: Meaning(0, Axis.EVENT, "service restored"),
}

LEVEL_NAMES = ("none", "low", "moderate", "high", "critical", "emergency")
CAP_WORDS = ("", "Minor", "Minor", "Moderate", "Severe", "Extreme")
IMPACT_UNKNOWN_CAP = "Unknown"


class Certainty(StrEnum):
    """Say by whose word it is known, from the weakest to the strongest."""

    SUSPECTED = "suspected"
    CLAIMED = "claimed"
    REPORTED = "reported"
    CONFIRMED = "confirmed"


class Status(StrEnum):
    """Say where the attack stands."""

    UNKNOWN = "unknown"
    ONGOING = "ongoing"
    CONTAINED = "contained"
    RESTORED = "restored"
    PAST = "past"


class Scope(StrEnum):
    """Say how wide it reaches."""

    UNKNOWN = "unknown"
    SITE = "site"
    GROUP = "group"
    REGION = "region"
    NATIONAL = "national"
    SUPPLIER = "supplier"


def words(signal: Signal) -> str:
    """Say a signal in words for a message."""
    return MEANINGS[signal].words


def level_of(signal: Signal) -> int:
    """Return the level that a signal justifies by itself."""
    return MEANINGS[signal].level
