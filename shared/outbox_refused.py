"""Rows of an outbox that Kafka refused for good: list them, have them tried again, or drop them.

A row that is dropped loses its content and stays as a mark, so that `codegrey why` can say what became of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, func, literal, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database import SCHEMAS, schema_metadata, transaction

_DROPPED = "dropped by a person: "


@dataclass(frozen=True)
class RefusedRow:
    """One row that was set aside; `name` is what commands call it: "tracker:17"."""

    name: str
    topic: str
    event: str
    """The id of the event that it holds."""
    key: str
    bytes: int
    created_at: datetime
    refused_at: datetime
    reason: str


def outboxes() -> list[Table]:
    """Return the outbox of each service that has one."""
    tables = (schema_metadata(schema).tables.get(f"{schema}.outbox") for schema in SCHEMAS)
    return [table for table in tables if table is not None]


def set_aside(table: Table) -> ColumnElement[bool]:
    """Return the condition under which a row was refused and nobody has dealt with it."""
    dropped = func.coalesce(func.starts_with(table.c.error, _DROPPED), False)
    return and_(table.c.refused_at.is_not(None), not_(dropped))


async def list_refused(engine: AsyncEngine) -> list[RefusedRow]:
    """List what was set aside in every outbox, the oldest first."""
    found: list[RefusedRow] = []
    async with transaction(engine) as connection:
        for table in outboxes():
            columns = [column for column in table.c if column.name != "value"]
            query = select(*columns, func.length(table.c.value).label("bytes")).where(set_aside(table))
            rows = (await connection.execute(query.order_by(table.c.id))).mappings()
            found += [
                RefusedRow(
                    name=f"{table.schema}:{row['id']}",
                    topic=row["topic"],
                    event=dict(row["headers"]).get("ce_id", ""),
                    key=bytes(row["key"]).decode("utf-8", "backslashreplace"),
                    bytes=row["bytes"],
                    created_at=row["created_at"],
                    refused_at=row["refused_at"],
                    reason=row["error"] or "",
                )
                for row in rows
            ]
    return sorted(found, key=lambda row: row.refused_at)


async def retry_refused(engine: AsyncEngine, names: Collection[str]) -> list[str]:
    """Have rows published with the next ones; return those that were there. One that is refused again is set aside."""
    return await _settle(engine, names, {"refused_at": None, "error": None})


async def drop_refused(engine: AsyncEngine, names: Collection[str]) -> list[str]:
    """Give rows up for good; return those that were there."""
    return await _settle(engine, names, {"value": b""})


async def _settle(engine: AsyncEngine, names: Collection[str], values: dict[str, object]) -> list[str]:
    done: list[str] = []
    async with transaction(engine) as connection:
        for table in outboxes():
            mine = [name for name in names if name.partition(":")[0] == table.schema]
            done += await _update(connection, table, mine, values) if mine else []
    return done


async def _update(
    connection: AsyncConnection, table: Table, names: Sequence[str], values: dict[str, object]
) -> list[str]:
    # Eighteen digits are what a number of PostgreSQL's surely holds.
    ids = [int(number) for name in names if (number := name.partition(":")[2]).isdecimal() and len(number) <= 18]
    change = dict(values)
    if "error" not in change:
        change["error"] = literal(_DROPPED) + func.coalesce(table.c.error, "")
    settled = update(table).where(table.c.id.in_(ids), set_aside(table)).values(**change).returning(table.c.id)
    return [f"{table.schema}:{number}" for number in (await connection.execute(settled)).scalars()]
