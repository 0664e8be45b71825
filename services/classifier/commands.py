"""Offer the judge on the command line: one text explained, or a stream of items judged."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

if TYPE_CHECKING:
    from services.classifier.article import Article
    from services.classifier.judgement import Judgement


# Fetches a page (its address, whether private ones may be read) into a row for the judge; the launcher brings it.
Fetch = Callable[[str, bool], dict[str, Any]]


@click.command("explain")
@click.argument("source", metavar="FILE|URL|-")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--vectors/--no-vectors", default=True, help="Ask sentence vectors about what the signals leave open.")
@click.option("--endpoint", is_flag=True, help="Ask the configured endpoint, too, where the item is borderline.")
@click.option("--save-case", is_flag=True, help="Draft a regression case from it, without its text.")
@click.option("--allow-private", is_flag=True, help="Allow addresses inside private networks.")
@click.pass_obj
def explain(
    fetch: Fetch | None,
    source: str,
    as_json: bool,
    vectors: bool,
    endpoint: bool,
    save_case: bool,
    allow_private: bool,
) -> None:
    """Judge one text and say why: verdict, level, victim, facts, quoted evidence, what was set aside.

    FILE is plain text, or a JSON object with `title` and `text`; - reads standard input; the page of a URL is fetched
    as ingest does it. --save-case writes a draft into tests/classifier/cases, to be told in your own words.
    """
    from services.classifier.judge import judge
    from services.classifier.source import WrongSourceError, article_in, given_at

    try:
        if source.startswith(("http://", "https://")):
            if fetch is None:
                raise click.UsageError("pages are fetched by `codegrey explain`; give a file or - here")
            article = article_in(json.dumps(fetch(source, allow_private)), source)
        else:
            article = article_in(given_at(source), source)
    except WrongSourceError as error:
        raise click.UsageError(str(error)) from error
    judgement = judge(article, _vectors() if vectors else None)
    if endpoint:
        judgement = _asked(article, judgement)
    if save_case:
        _save_case(article, judgement)
    if as_json:
        click.echo(json.dumps(judgement.as_dict(), ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace"))
        return
    from rich.console import Console

    from services.classifier.explain import show

    show(judgement, Console(highlight=False, emoji=False, markup=False))


def _asked(article: Article, judgement: Judgement) -> Judgement:
    """Return the judgement with the endpoint's word; say where it was not asked, or gave none."""
    from services.classifier.opinion.endpoint import Endpoint
    from services.classifier.opinion.question import is_borderline
    from services.classifier.opinion.settings import configured
    from shared.command import run
    from shared.errors import ConfigError
    from shared.settings import Settings

    async def ask(settings: Settings) -> Judgement:
        how = configured(settings)
        if how is None:
            raise ConfigError("no endpoint is configured: set CODEGREY_JUDGE_ENDPOINT_URL and _MODEL")
        if not is_borderline(judgement, how.band):
            click.echo(f"not borderline ({judgement.confidence:.2f}): the endpoint is not asked", err=True)
            return judgement
        asking = Endpoint(how)
        try:
            (told,) = await asking.reconsider([(article, judgement)], how.within_s)
        finally:
            await asking.aclose()
        if told is judgement:
            click.echo("the endpoint gave no answer: the rules' verdict stands", err=True)
        return told

    return run(ask)


def _save_case(article: Article, judgement: Judgement) -> None:
    from services.classifier.save_case import CASES, draft, save

    drafted = draft(article, judgement)
    try:
        path = save(drafted)
    except FileExistsError as error:
        raise click.ClickException(f"there is a case of this item already: {drafted.name}") from error
    except FileNotFoundError as error:
        raise click.ClickException(f"no folder {CASES}: run it in a checkout of the project") from error
    click.echo(f"drafted {path}: put its REWORD lines into your own words", err=True)


@click.command("judge")
@click.argument("source", type=click.File("rb"), default="-", metavar="[FILE|-]")
@click.option("--vectors/--no-vectors", default=True, help="Ask sentence vectors about what the signals leave open.")
def judge(source: BinaryIO, vectors: bool) -> None:
    """Judge JSON Lines (id, title, text; lang, published, url where known), one line out for each line in.

    Needs no server and no network. A line that cannot be read gets its error in `error`.
    """
    from services.classifier.judge_lines import judge_lines

    # A file is written in blocks; what comes by a pipe is answered line by line.
    streams = getattr(source, "name", "<stdin>") == "<stdin>"
    try:
        for line in judge_lines(source, _vectors() if vectors else None):
            sys.stdout.write(line + "\n")
            if streams:
                sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()


@click.command("evaluate")
@click.argument("files", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1)
@click.option("--half", type=click.Choice(["all", "tuning", "held-back"]), default="all", help="Which half to measure.")
@click.option("--cross", is_flag=True, help="Fit each half on the other, so that no item is measured by its own fit.")
@click.option("--fit", "refit", is_flag=True, help="Fit the weights anew to FILES and write them.")
@click.option("--refit", "from_rows", is_flag=True, help="Fit anew from the rows that ship (no FILES needed).")
@click.option("--vectors/--no-vectors", default=True, help="Ask sentence vectors about what the signals leave open.")
@click.option("--own", is_flag=True, help="Measure on the project's own corpus, too (best with --cross).")
@click.option("--baselines", is_flag=True, help="Judge by a keyword query, plain vectors and TF-IDF, too.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write an HTML report with plots.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    files: tuple[Path, ...],
    half: str,
    cross: bool,
    refit: bool,
    from_rows: bool,
    vectors: bool,
    own: bool,
    baselines: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Measure the judge on labelled JSON Lines: precision, recall, F1, severity, victim, country, errors."""
    from services.classifier.measure import run as evaluate_run
    from services.classifier.measure.labelled import BadLabelError

    if from_rows:
        evaluate_run.refit_from_rows()
        click.echo("weights written from the rows that ship", err=True)
        return
    if not files and not own:
        raise click.UsageError("name at least one file of labelled items, or --own")
    try:
        if refit:
            evaluate_run.fit_to(files)
            click.echo("weights, vectors' direction and rows written", err=True)
            return
        items = evaluate_run.items_of(files, own=own)
    except BadLabelError as error:
        raise click.ClickException(str(error)) from error
    measured = evaluate_run.run(items, half=half, cross=cross, vectors=vectors)
    others = evaluate_run.run_baselines(items, half=half, vectors=vectors) if baselines else {}
    if report:
        from services.classifier.measure.report import write_report

        names = [*(file.name for file in files), *(["the project's own corpus"] if own else [])]
        write_report(report, measured, others, names, evaluate_run.told(half, cross, vectors))
        click.echo(f"report written: {report}", err=True)
    if as_json:
        told = measured.as_dict() | ({"baselines": {n: o.as_dict() for n, o in others.items()}} if others else {})
        click.echo(json.dumps(told, ensure_ascii=True))
        return
    evaluate_run.show(measured)
    if others:
        evaluate_run.show_baselines(measured, others, evaluate_run.told(half, cross, vectors))


@click.group("lexicon")
def lexicon() -> None:
    """Check the files of words that the judge reads by."""


@lexicon.command("check")
@click.argument("language", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def lexicon_check(language: str | None, as_json: bool) -> None:
    """Say which sentences a language cannot tell yet (all languages in a table without LANGUAGE).

    The sentences are those of services/classifier/measure/lexicon_template.toml.
    """
    from services.classifier.measure import lexicon_show
    from services.classifier.measure.lexicon import check
    from shared.gate.terms import LexiconError, languages

    try:
        checked = [check(code) for code in ([language] if language else languages())]
    except (LexiconError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(lexicon_show.as_data(checked), ensure_ascii=False))
    elif language:
        lexicon_show.show_one(checked[0])
    else:
        lexicon_show.show_all(checked)


def _vectors() -> Callable[[str, str], float | None]:
    """Return what asks the vectors; nothing of them is loaded before the first question."""
    asked: list[Callable[[str, str], float | None]] = []

    def ask(title: str, text: str) -> float | None:
        if not asked:
            from services.classifier.vectors import Careful

            asked.append(Careful(lambda problem: click.echo(problem, err=True)))
        return asked[0](title, text)

    return ask
