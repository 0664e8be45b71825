"""Print the known attacks as the table of docs/severity-cases.md: `python -m tests.severity_cases.table`."""

from __future__ import annotations

import click

from shared.signals import LEVEL_NAMES
from tests.severity_cases.cases import read_cases

_HEAD = """# Known attacks and the level of each report

Reports of known attacks in our own words, the first and later ones, each with the level that the severity table gives
it by itself. Level 0 is "not an incident". What a whole incident is given is the tracker's to say: it adds the reports
up. `tests/severity_cases/attacks.toml` holds the texts; `tests/severity_cases/test_known_attacks_get_their_level.py`
judges each. It is a regression table, not a measurement: lexicons and grammar were corrected until these were right.
This page is written by `python -m tests.severity_cases.table > docs/severity-cases.md`.

| attack | year | report | level | why | headline |
|---|---|---|---|---|---|"""


def table() -> str:
    """Return the page."""
    rows = [
        f"| {case.attack} | {case.year} | {case.when} | {case.level} {LEVEL_NAMES[case.level]} | {case.why} "
        f"| {case.title} |"
        for case in read_cases()
    ]
    return "\n".join([_HEAD, *rows, ""])


if __name__ == "__main__":
    click.echo(table(), nl=False)
