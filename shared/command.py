"""Run the work of a command: settings read, errors told in a sentence, the right exit status."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from shared.errors import CodeGreyError, ConfigError
from shared.settings import Settings, load_settings

if TYPE_CHECKING:  # most commands need no database
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")


def run(work: Callable[[Settings], Awaitable[T]]) -> T:
    """Run `work` with the settings; a known error is told in a sentence and ends with 1 or 2."""
    # Without a handler Python prints a library's warnings between our lines; what matters of them is told by us.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())

    async def main() -> T:
        return await work(load_settings())

    try:
        return asyncio.run(main())
    except ConfigError as error:
        stop(str(error), 2)
    except CodeGreyError as error:
        stop(str(error), 1)


def run_with_database(work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """Run `work` as `run` does, with the database open."""

    async def opened(settings: Settings) -> T:
        from shared.database import open_engine

        engine = open_engine(settings)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return run(opened)


def stop(message: str, status: int) -> NoReturn:
    """Say why on standard error and end with `status` (1 something failed, 2 wrong use)."""
    click.echo(f"codegrey: {message}", err=True)
    sys.exit(status)


def print_json(data: Any) -> None:
    """Print one JSON document on standard output; moments are ISO 8601."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str))
