"""Read what a batch of reports needs, in a few statements however many they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    DateTime,
    Select,
    String,
    Text,
    and_,
    any_,
    cast,
    column,
    func,
    literal,
    select,
    type_coerce,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

from services.tracker.keys import NAMELESS as NAMELESS_KEY
from services.tracker.ledger import NEAR, Dossier, Filed, Ledger, Wanted
from services.tracker.merge import NAMELESS
from services.tracker.tables import incident, incident_version, report
from shared.events import Alert, Report

_SHOWN = (
    incident.c.id,
    incident.c.entry_id,
    incident.c.state,
    incident.c.opened_at,
    incident.c.silent,
    incident.c.because,
    incident.c.first_published.label("first"),
    incident.c.last_published,
    type_coerce(incident.c.words, NullType()).label("words"),  # a list as the driver gives it
    cast(incident.c.known, Text).label("document"),
)


async def open_ledger(connection: AsyncConnection, entries: Sequence[str], wanted: Sequence[Wanted]) -> Ledger:
    """Take up the reports on file for these entries, their incidents in full, and every candidate."""
    ledger = Ledger()
    for filed in await _filed(connection, entries):
        ledger.filed[filed.entry_id].append(filed)
    if wanted:
        await _take_up(connection, ledger, _candidates(wanted))
    homes = (one.incident_id for group in ledger.filed.values() for one in group if one.stands and one.incident_id)
    await read_in_full(connection, ledger, homes)
    return ledger


async def read_in_full(connection: AsyncConnection, ledger: Ledger, ids: Iterable[str]) -> None:
    """Have these incidents in hand with what was last told of them and the reports that they rest on."""
    missing = ledger.missing(ids)
    if not missing:
        return
    unknown = [one for one in missing if one not in ledger.dossiers]
    if unknown:
        await _take_up(connection, ledger, select(*_SHOWN).where(_is_one_of(incident.c.id, unknown)))
    for one in missing:
        assert one in ledger.dossiers, f"incident {one} is not there"
        ledger.dossiers[one].standing = {}
    last = (
        select(incident_version.c.incident_id, cast(incident_version.c.alert, Text))
        .join(incident, _is_last_version())
        .where(_is_one_of(incident.c.id, missing))
    )
    for incident_id, document in await connection.execute(last):
        ledger.dossiers[incident_id].last = Alert.model_validate_json(document)
    rests_on = select(report.c.incident_id, cast(report.c.document, Text)).where(
        _is_one_of(report.c.incident_id, missing), report.c.stands
    )
    for incident_id, document in await connection.execute(rests_on):
        stands = Report.model_validate_json(document)
        standing = ledger.dossiers[incident_id].standing
        assert standing is not None, "made above"
        standing[stands.id] = stands


async def _filed(connection: AsyncConnection, entries: Sequence[str]) -> list[Filed]:
    query = select(
        report.c.id,
        report.c.entry_id,
        report.c.revision,
        report.c.judged_at,
        report.c.incident_id,
        report.c.stands,
    ).where(_is_one_of(report.c.entry_id, entries))
    return [Filed(*row) for row in await connection.execute(query)]


async def _take_up(connection: AsyncConnection, ledger: Ledger, query: Select[Any]) -> None:
    for row in (await connection.execute(query)).mappings():
        if row["id"] not in ledger.dossiers:
            ledger.take_up(Dossier(**row))


def _candidates(wanted: Sequence[Wanted]) -> Select[Any]:
    """Select every incident that `Ledger.candidates` may return for one of these, and few others."""
    any_time = sorted(frozenset().union(*(one.exact for one in wanted if one.since is None)))
    lately = sorted(frozenset().union(*(one.exact for one in wanted if one.since)))
    since = min((one.since for one in wanted if one.since), default=None)
    spellings = sorted(frozenset().union(*(one.spellings for one in wanted)))
    moments = [one.moment for one in wanted]
    near = _with_words(spellings, "near")
    around = and_(near.c.last_published >= min(moments) - NEAR, near.c.first_published <= max(moments) + NEAR)
    parts = [
        select(_with_words(any_time, "named").c.id),
        select(near.c.id).where(around),
        _of_days(moments, incident.c.words.contains([NAMELESS_KEY])),
    ]
    if since:
        late = _with_words(lately, "late")
        parts.append(select(late.c.id).where(late.c.last_published >= since))
    if nowhere := [one.moment for one in wanted if not one.specific and not one.countries]:
        parts.append(_of_days(nowhere))
    if nameless := [one for one in wanted if not one.specific and one.countries]:
        countries = sorted(frozenset().union(*(one.countries for one in nameless)))
        parts.append(_of_days([one.moment for one in nameless], incident.c.words.overlap(_texts(countries))))
    found = union(*parts).subquery()
    return select(*_SHOWN).join(found, found.c.id == incident.c.id)


def _with_words(words: Sequence[str], name: str) -> CTE:
    """Select by words alone: beside a condition on time the planner would compare thousands of words row by row."""
    found = select(incident.c.id, incident.c.first_published, incident.c.last_published)
    return found.where(incident.c.words.overlap(_texts(words))).cte(name).prefix_with("MATERIALIZED")


def _of_days(moments: Sequence[datetime], *more: ColumnElement[bool]) -> Select[Any]:
    """Select the incidents of the days around these moments."""
    spans = _spans(moments)
    moment = DateTime(timezone=True)
    days = (
        func.unnest(
            literal([begins for begins, _ in spans], ARRAY(moment)), literal([ends for _, ends in spans], ARRAY(moment))
        )
        .table_valued(column("begins", moment), column("ends", moment))
        .render_derived(name="days")
    )
    around = and_(incident.c.last_published >= days.c.begins, incident.c.first_published <= days.c.ends)
    return select(incident.c.id).join(days, around).where(*more)


def _spans(moments: Sequence[datetime]) -> list[tuple[datetime, datetime]]:
    """Return the days around each moment, those that overlap as one."""
    spans: list[tuple[datetime, datetime]] = []
    for moment in sorted(moments):
        begins, ends = moment - NAMELESS, moment + NAMELESS
        if spans and begins <= spans[-1][1]:
            spans[-1] = spans[-1][0], ends
        else:
            spans.append((begins, ends))
    return spans


def _is_last_version() -> ColumnElement[bool]:
    return and_(incident.c.id == incident_version.c.incident_id, incident.c.version == incident_version.c.version)


def _texts(values: Sequence[str]) -> ColumnElement[Any]:
    """Pass many texts as one value: the statement stays the same however many they are."""
    return literal(list(values), ARRAY(String))


def _is_one_of(name: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    return name == any_(_texts(values))
