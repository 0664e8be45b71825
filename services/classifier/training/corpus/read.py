"""Read the project's own corpus: short items of news in many languages, written for training and tests.

One TOML file for each language, one key for each kind, one item a line:

    attack = '''
    4 GB Ransomware forces [Brookvale Hospital] to divert ambulances | Staff are back on paper, a spokesman said.
    '''

For kinds that are graded (incidents and unexplained outages) a line begins with the level and the country that
the item states (`-` where it states none), and the victim stands in square brackets. A title and its text are
parted by ` | `. A reason of the item's own follows ` # `; without one, the kind's reason stands (`kinds.toml`).
`@name ` before all else marks a sentence frame that other items share.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.classifier.article import Article
from services.classifier.measure.labelled import Labelled

FOLDER = Path(__file__).parent
KINDS = FOLDER / "kinds.toml"
SEVERITIES = ("", "low", "medium", "high", "critical", "critical")
_LINE = re.compile(r"(?:@(?P<frame>\S+) )?(?:(?P<level>[0-5]) (?P<country>[A-Z]{2}|-) )?(?P<rest>.+)")
_VICTIM = re.compile(r"\[([^\[\]]+)\]")


class CorpusError(ValueError):
    """Say which line of the corpus cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Hold what a kind of item is: whether it is an incident or an unexplained outage, and why."""

    name: str
    incident: bool
    outage: bool
    reason: str

    @property
    def graded(self) -> bool:
        """Say whether its items have a level."""
        return self.incident or self.outage


@dataclass(frozen=True, slots=True)
class CorpusItem:
    """Hold one item of the corpus with its labels and the reason for them."""

    id: str
    lang: str
    title: str
    text: str
    kind: Kind
    level: int
    victim: str | None
    country: str | None
    reason: str
    frame: str | None

    @property
    def incident(self) -> bool:
        """Say whether its own news is an attack on care."""
        return self.kind.incident

    def labelled(self) -> Labelled:
        """Return it as the fit and the evaluation read items."""
        return Labelled(
            article=Article(id=self.id, title=self.title, text=self.text, lang=self.lang[:2]),
            incident=self.incident,
            kind=self.kind.name,
            borderline=False,
            severity=SEVERITIES[self.level] or None,
            # That a department reopens says that it was closed: what level such a report has can be argued.
            severity_ambiguous=self.kind.name == "restored",
            victim=self.victim,
            country=self.country,
            text_kind="title_only" if not self.text else "own_short",
            event="",
            title_decides=True,
        )


def load_corpus(folder: Path = FOLDER) -> list[CorpusItem]:
    """Return every item of every language, in the order of the files and their lines."""
    return [item for path in sorted(folder.glob("*.toml")) if path.name != KINDS.name for item in read_file(path)]


def read_file(path: Path) -> Iterator[CorpusItem]:
    """Read one language's file; the file's name is the language."""
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CorpusError(f"{path.name}: {error}") from error
    for name, lines in sections.items():
        if name not in kinds():
            raise CorpusError(f"{path.name}: no such kind: {name} (kinds.toml lists them)")
        for line in lines.strip().splitlines():
            yield read_line(line.strip(), path.stem, kinds()[name])


def read_line(line: str, lang: str, kind: Kind) -> CorpusItem:
    """Read one item."""
    found = _LINE.fullmatch(line)
    if not found:
        raise CorpusError(f"{lang}, {kind.name}: cannot read: {line!r}")
    if bool(found["level"]) != kind.graded:
        raise CorpusError(f"{lang}, {kind.name}: a level is {'needed' if kind.graded else 'out of place'}: {line!r}")
    told, _, reason = found["rest"].partition(" # ")
    victim = _VICTIM.search(told)
    title, _, text = _VICTIM.sub(r"\1", told).partition(" | ")
    return CorpusItem(
        id=f"own-{lang}-{kind.name}-{hashlib.sha256(told.encode()).hexdigest()[:8]}",
        lang=lang,
        title=title.strip(),
        text=text.strip(),
        kind=kind,
        level=int(found["level"] or 0),
        victim=victim[1] if victim else None,
        country=None if found["country"] in (None, "-") else found["country"],
        reason=reason.strip() or kind.reason,
        frame=found["frame"],
    )


@cache
def kinds(path: Path = KINDS) -> dict[str, Kind]:
    """Return the kinds by name."""
    return {
        name: Kind(name, of.get("incident", False), of.get("outage", False), of["reason"])
        for name, of in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }
