"""Judge an article: read it, find the signals, choose the victim, set aside, decide, grade, and say why.

The judge is a pure function: no network, no clock, no state but the lexicons. The document that it judges
is the article's title, a blank line and its text (the text alone where there is no title); each quote's
offsets count in the title or the text as given, whichever its `field` names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from services.classifier.article import Article
from services.classifier.facts import draw_facts
from services.classifier.features import Features, features_of
from services.classifier.grammar import find_signals
from services.classifier.judgement import Evidence, Judgement, Victim
from services.classifier.places.locate import Located, locate
from services.classifier.reading import Reading, read
from services.classifier.setaside import Weighed, weigh
from services.classifier.verdict import Verdict, decide, is_open
from services.classifier.victims.choose import Cast, choose_victims
from services.classifier.victims.naming import find_mentions
from services.classifier.when import attack_date
from shared.gate import gate
from shared.severity import NOTHING, Grade, grade
from shared.signals import MEANINGS, Axis, Certainty, Scope, Signal, Status

JUDGE_VERSION = "1"
# The tracker closes an outage on these words in a report's reason.
HARMLESS_CAUSE = "harmless cause stated"
Vectors = Callable[[str, str], float | None]


def judge(article: Article, vectors: Vectors | None = None) -> Judgement:
    """Judge one article; it never raises for what the article holds.

    `vectors` (services.classifier.vectors.leaning) is asked only about what the signals leave open; without
    it the rules stand alone.
    """
    passed = gate(f"{article.title}\n\n{article.text}")
    if not passed.passed:
        return gated_out(article, passed.why)
    return judge_candidate(article, vectors)


def judge_candidate(article: Article, vectors: Vectors | None = None) -> Judgement:
    """Judge an article that has passed the gate."""
    reading, cast, weighed, features = study(article)
    verdict = decide(features)
    if vectors is not None and is_open(verdict):
        verdict = decide(features, vectors(article.title, article.text))
    return conclude(reading, cast, weighed, verdict, features)


def study(article: Article) -> tuple[Reading, Cast, list[Weighed], Features]:
    """Read an article and find all that the verdict is drawn from."""
    reading = read(article)
    cast = choose_victims(find_mentions(reading), reading)
    weighed = weigh(find_signals(reading), reading, cast)
    return reading, cast, weighed, features_of(reading, weighed, cast)


def conclude(reading: Reading, cast: Cast, weighed: list[Weighed], verdict: Verdict, features: Features) -> Judgement:
    """Draw facts, grade and reasons from a verdict."""
    outage = None if verdict.incident else _outage(reading, weighed, features)
    told = draw_facts(weighed, reading, cast)
    graded = NOTHING
    if verdict.incident or outage:
        graded = grade(_graded_signals(weighed, bool(verdict.incident)), told.facts)
    reason = verdict.reason if not outage else f"unexplained outage, cause not stated: “{outage}”"
    harmless = None if verdict.incident or outage else _harmless(weighed, features)
    if harmless is not None:
        reason = f"{HARMLESS_CAUSE}: “{harmless}”; {reason}"
    if verdict.incident or outage:
        reason = f"{reason}; level {graded.level}: {graded.reason}"
    return Judgement(
        id=reading.article.id,
        incident=verdict.incident,
        outage=bool(outage),
        confidence=verdict.confidence,
        level=graded.level,
        rule=graded.rule,
        certainty=told.facts.certainty if verdict.incident or outage else Certainty.REPORTED,
        status=told.status if verdict.incident or outage else Status.UNKNOWN,
        scope=told.facts.scope if verdict.incident or outage else Scope.UNKNOWN,
        reason=reason,
        cap=graded.cap,
        would_be=graded.would_be,
        impact_unknown=graded.impact_unknown,
        language=reading.language,
        victims=_victims(reading, cast, locating=verdict.incident or bool(outage)),
        attack_date=_attack_date(reading, weighed) if verdict.incident or outage else None,
        signals=_evidence(reading, weighed, verdict.incident, graded),
        weights=tuple(sorted(verdict.weights, key=lambda w: -abs(w.weight))),
        suppliers=told.suppliers,
        attacker=told.attacker,
        data_stolen=_has(weighed, Signal.DATA_STOLEN),
        data_published=_has(weighed, Signal.DATA_PUBLISHED),
        ransom=told.ransom,
        sites=told.facts.sites,
        grading=told.facts,
        notes=_notes(cast),
    )


def gated_out(article: Article, why: str) -> Judgement:
    """Return the verdict on an item that the gate stopped."""
    return Judgement(
        id=article.id,
        incident=False,
        outage=False,
        confidence=0.0,
        level=0,
        rule="gate",
        certainty=Certainty.REPORTED,
        status=Status.UNKNOWN,
        scope=Scope.UNKNOWN,
        reason=f"not a candidate: {why}",
    )


def _graded_signals(weighed: Sequence[Weighed], incident: bool) -> list[Signal]:
    """Return the signals that count; an incident always holds the attack, however it is worded."""
    used = [w.found.signal for w in weighed if w.used]
    first = Signal.ATTACK if incident else Signal.OUTAGE
    return [first, *(s for s in used if s is not first)]


def _outage(reading: Reading, weighed: Sequence[Weighed], features: Features) -> str | None:
    """Return the words of an unexplained outage of care: systems down, no attack told, no harmless cause."""
    if any(w.used and w.found.signal is Signal.ATTACK for w in weighed) or any(
        f in features for f in ("head:harmless", "lead:harmless", "body:harmless", "head:drill", "head:other_sector")
    ):
        return None
    down = [w.found for w in weighed if w.used and w.found.signal is Signal.OUTAGE and w.found.sentence.index < 4]
    care = "head:care" in features or "head:provider" in features or "lead:care" in features
    effect = any(w.used and MEANINGS[w.found.signal].axis is Axis.CARE for w in weighed)
    if not (down and care and effect):
        return None
    return reading.quote(down[0].start, down[0].end)


def _harmless(weighed: Sequence[Weighed], features: Features) -> str | None:
    """Return the words of a harmless cause that is stated for a breakdown of care's systems."""
    attacked = any(w.used and w.found.signal is Signal.ATTACK for w in weighed)
    if attacked and "head:harmless" not in features:
        return None
    cause = next(
        (features[f"{zone}:harmless"] for zone in ("head", "lead", "body") if f"{zone}:harmless" in features), None
    )
    care = any(f"{zone}:{concept}" in features for zone in ("head", "lead") for concept in ("care", "provider"))
    broken = any(
        w.used and (w.found.signal is Signal.OUTAGE or MEANINGS[w.found.signal].axis in {Axis.CARE, Axis.OFFICE})
        for w in weighed
    )
    down = any(
        f"{zone}:{concept}" in features for zone in ("head", "lead") for concept in ("outage", "down", "disrupted")
    )
    return cause if cause is not None and care and (broken or down) else None


def _attack_date(reading: Reading, weighed: Sequence[Weighed]) -> date | None:
    told = [w.found.sentence for w in weighed if w.used and w.found.signal in {Signal.ATTACK, Signal.OUTAGE}]
    events = {sentence.index: sentence for sentence in told}
    aside = {w.found.sentence.index for w in weighed if not w.used and "victim" in w.why}
    near = [s for s in reading.sentences[:3] if s.index not in events and s.index not in aside]
    return attack_date(reading, [*events.values(), *near])


def _victims(reading: Reading, cast: Cast, *, locating: bool) -> tuple[Victim, ...]:
    if not cast.victims:
        return ()
    located = locate(reading, cast) if locating else Located(None, None, "")
    main = cast.victims[0]
    if not main.specific and not main.name:
        return ()
    name = main.name
    return (
        Victim(
            name=name,
            normalised=" ".join(name.lower().split()),
            place=located.place,
            country=located.country,
            why_country=located.why,
            aliases=cast.aliases,
            guessed=located.guessed,
        ),
    )


def _evidence(reading: Reading, weighed: Sequence[Weighed], incident: bool, graded: Grade) -> tuple[Evidence, ...]:
    found = []
    for one in weighed:
        field, start, end = reading.place(one.found.start, one.found.end)
        given = reading.article.title if field == "title" else reading.article.text
        used = one.used and graded.level > 0
        why = one.why if used or not one.used else "the item is not an incident"
        if used and one.found.signal in graded.justified_by:
            why = f"sets the level ({graded.level}): {why}"
        found.append(Evidence(one.found.signal, given[start:end], start, end, field, used, why))
    return tuple(found)


def _has(weighed: Sequence[Weighed], signal: Signal) -> bool:
    return any(w.used and w.found.signal is signal for w in weighed)


def _notes(cast: Cast) -> tuple[str, ...]:
    notes = []
    others = dict.fromkeys(m.name for m in cast.others if m.specific)
    if others:
        notes.append("other providers named: " + ", ".join(list(others)[:5]))
    return tuple(notes)
