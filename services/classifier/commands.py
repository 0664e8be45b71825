"""Offer the judge on the command line: one text explained, or a stream of items judged."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click


@click.command("explain")
@click.argument("source", metavar="FILE|URL|-")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--vectors/--no-vectors", default=True, help="Ask sentence vectors about what the signals leave open.")
def explain(source: str, as_json: bool, vectors: bool) -> None:
    """Judge one text and say why: verdict, level, victim, facts, quoted evidence, what was set aside.

    FILE is plain text, or a JSON object with `title` and `text`; - reads standard input.
    """
    from services.classifier.judge import judge

    article = _article(source, _given(source))
    judgement = judge(article, _vectors() if vectors else None)
    if as_json:
        click.echo(json.dumps(judgement.as_dict(), ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace"))
        return
    from rich.console import Console

    from services.classifier.explain import show

    show(judgement, Console(highlight=False, emoji=False, markup=False))


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
    from services.classifier import evaluate_run

    if from_rows:
        evaluate_run.refit_from_rows()
        click.echo("weights written from the rows that ship", err=True)
        return
    if not files and not own:
        raise click.UsageError("name at least one file of labelled items, or --own")
    if refit:
        evaluate_run.fit_to(files)
        click.echo("weights, vectors' direction and rows written", err=True)
        return
    items = evaluate_run.items_of(files, own=own)
    measured = evaluate_run.run(items, half=half, cross=cross, vectors=vectors)
    others = evaluate_run.run_baselines(items, half=half, vectors=vectors) if baselines else {}
    if report:
        from services.classifier.report import write_report

        names = [*(file.name for file in files), *(["the project's own corpus"] if own else [])]
        write_report(report, measured, others, names, evaluate_run.told(half, cross, vectors))
        click.echo(f"report written: {report}", err=True)
    if as_json:
        told = measured.as_dict() | ({"baselines": {n: o.as_dict() for n, o in others.items()}} if others else {})
        click.echo(json.dumps(told, ensure_ascii=True))
        return
    evaluate_run.show(measured)
    if others:
        evaluate_run.show_baselines(measured, others)


@click.group("lexicon")
def lexicon() -> None:
    """Check the files of words that the judge reads by."""


@lexicon.command("check")
@click.argument("language", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def lexicon_check(language: str | None, as_json: bool) -> None:
    """Say which concepts a language's file lacks (all files without LANGUAGE) beside the English one."""
    from shared.gate.terms import LexiconError, languages, missing_concepts

    wanted = [language] if language else list(languages())
    try:
        lacking = {code: missing_concepts(code) for code in wanted}
    except (LexiconError, FileNotFoundError) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(lacking))
        return
    for code, concepts in lacking.items():
        click.echo(f"{code}: {'complete' if not concepts else 'lacks ' + ', '.join(concepts)}")


def _vectors() -> Callable[[str, str], float | None]:
    """Return what asks the vectors; nothing of them is loaded before the first question."""
    asked: list[Callable[[str, str], float | None]] = []

    def ask(title: str, text: str) -> float | None:
        if not asked:
            from services.classifier.vectors import Careful

            asked.append(Careful(lambda problem: click.echo(problem, err=True)))
        return asked[0](title, text)

    return ask


def _given(source: str) -> str:
    if source.startswith(("http://", "https://")):
        raise click.UsageError("explain cannot fetch pages yet: save the text in a file, or try `codegrey feeds check`")
    if source == "-":
        return sys.stdin.buffer.read().decode("utf-8", "replace")
    path = Path(source)
    if not path.is_file():
        raise click.UsageError(f"no such file: {source}")
    return path.read_bytes().decode("utf-8", "replace")


def _article(source: str, given: str) -> Any:
    from services.classifier.article import Article

    name = "standard input" if source == "-" else Path(source).name
    if given.lstrip().startswith("{"):
        from services.classifier.judge_lines import BadLineError, article_of

        try:
            return article_of(json.loads(given))
        except BadLineError as error:
            raise click.UsageError(str(error)) from error
        except ValueError:
            pass  # a text that begins with a brace is a text
    if not given.strip():
        raise click.UsageError("nothing to explain: the text is empty")
    return Article(id=name, title="", text=given)
