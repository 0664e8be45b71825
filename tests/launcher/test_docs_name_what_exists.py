"""Every file, make target, command, option, setting and heading that the documentation names exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from services.launcher.cli import main
from shared.settings import CHANNEL_PREFIX, Settings

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/adr/*.md")])
ROOMS = ("services", "shared", "tests", "bench", "ops", "config", "docs", "locks")
page = pytest.mark.parametrize("page", PAGES, ids=[path.relative_to(ROOT).as_posix() for path in PAGES])

_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_PATH = re.compile(rf"(?<![\w/.<>~-])(?:{'|'.join(ROOMS)})/[\w./*-]+")
_BARE = re.compile(r"(?<![\w/.*<>-])[a-z]\w*\.py\b")
_MAKE = re.compile(r"\bmake (?:[A-Z]+=\S+ )*([a-z][a-z-]*)")
_COMMAND = re.compile(r"(?<!-U )\bcodegrey ([a-z][^`#|;()]*)")
_SETTING = re.compile(r"\bCODEGREY_[A-Z][A-Z_]*[A-Z]\b")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def code(text: str) -> Iterator[str]:
    """Yield what stands as code: fenced and indented lines, and what is between backticks."""
    for block in _FENCED.findall(text):
        yield from block.splitlines()[1:-1]
    prose = _FENCED.sub("", text)
    yield from re.findall(r"^(?: {4}|\t)(.+)$", prose, re.MULTILINE)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))


def wrong_use(words: list[str]) -> str | None:
    """Say what of `codegrey WORDS` does not exist: a command, one below it, or an option; None where all does."""
    command: click.Command = main
    for word in (word.lstrip("[") for word in words):
        if isinstance(command, click.Group) and not word.startswith("-"):
            found = command.get_command(click.Context(command), word.rstrip(",.:"))
            if found is None:
                return f"no command {word}"
            command = found
        elif word.startswith("--") and word != "--help":
            known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
            if re.split(r"[=\]]", word)[0].rstrip(",.:") not in known:
                return f"{command.name} has no option {word}"
    return None


@cache
def _everywhere() -> set[str]:
    return {path.name for room in ROOMS[:5] for path in (ROOT / room).rglob("*.py")}


def anchors(text: str) -> set[str]:
    """Return the names by which a page's headings are linked to."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@page
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    """A path stands below the project; a file's bare name stands somewhere in it."""
    missing = []
    for span in code(page.read_text("utf-8")):
        missing += [path for path in _PATH.findall(span) if "<" not in span and not any(ROOT.glob(path.rstrip("/.")))]
        missing += [name for name in _BARE.findall(span) if name not in _everywhere()]
    assert not missing


@page
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    """A target is one of the Makefile's."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {target for span in code(page.read_text("utf-8")) for target in _MAKE.findall(span)}
    assert named <= targets


@page
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    """Asked of the command line itself."""
    named = {said.strip() for span in code(page.read_text("utf-8")) for said in _COMMAND.findall(span)}
    assert not [(said, wrong) for said in sorted(named) if (wrong := wrong_use(said.split()))]


@page
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    """Whoever copies a variable from a page must not be told that there is none."""
    known = {f"CODEGREY_{name.upper()}" for name in Settings.model_fields}
    named = {name for name in _SETTING.findall(page.read_text("utf-8")) if not name.startswith(CHANNEL_PREFIX)}
    assert named <= known


@page
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    """To a file, and to a heading where one is named."""
    lost = []
    for link in _LINK.findall(_FENCED.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (heading and heading not in anchors(target.read_text("utf-8"))):
            lost.append(link)
    assert not lost


def test_the_checks_see_what_does_not_exist() -> None:
    """Wrong commands, subcommands and options are found; right ones are not."""
    assert wrong_use(["dead", "list"]) is None
    assert wrong_use(["feeds", "check", "URL", "--from", "FILE"]) is None
    assert wrong_use(["jduge"]) == "no command jduge"
    assert wrong_use(["dead", "bury"]) == "no command bury"
    assert wrong_use(["doctor", "--loud"]) == "doctor has no option --loud"


def _named_first(source: Path, call: str, place: int) -> Iterator[str]:
    """Yield the longest fixed words in an argument of each `call(…)` of a file: what a person can search for."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == call:
            said = node.args[place]
            parts = said.values if isinstance(said, ast.JoinedStr) else [said]
            fixed = [str(part.value).strip() for part in parts if isinstance(part, ast.Constant)]
            yield max(fixed, key=len, default="")


def test_every_finding_of_doctor_leads_somewhere() -> None:
    """Each check has a row that says what to do."""
    section = _section("## Check before the first day")
    checks = set(_named_first(ROOT / "services/launcher/diagnose/examine.py", "Finding", 0)) - {""}
    assert len(checks) > 10
    assert not [check for check in checks if not re.search(rf"^\| [^|]*\b{re.escape(check)}\b", section, re.MULTILINE)]


def test_every_trouble_that_operators_are_told_of_has_a_row() -> None:
    """By the words of its title, where they stand in the code itself."""
    section = _section("### What operators are told")
    sources = [*ROOT.glob("services/*/*.py"), *ROOT.glob("shared/*.py")]
    titles = {title for source in sources for title in _named_first(source, "Trouble", 1)} - {""}
    assert len(titles) > 12
    assert not [title for title in titles if title not in section]


def _section(heading: str) -> str:
    """Return what stands below a heading of operating.md, to the next of its kind."""
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    return text.split(f"{heading}\n")[1].split(f"\n{heading.split()[0]} ")[0]
