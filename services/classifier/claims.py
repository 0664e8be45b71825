"""Judge what attackers say themselves, as trackers of their leak sites pass it on.

Such an entry is often no more than a name: no word says that it was attacked, since that is what the whole
list says. Whoever is named is a victim by the attackers' word alone, and nothing in the text makes it more.
"""

from __future__ import annotations

from dataclasses import replace

from services.classifier.article import Article
from services.classifier.judge import conclude, study
from services.classifier.judgement import Evidence, Judgement
from services.classifier.verdict import Verdict
from shared.severity import grade
from shared.signals import Certainty, Signal

CONFIDENCE = 0.9
"""Of its being such a claim; whether the claim is true is another matter."""


def judge_claim(article: Article) -> Judgement:
    """Judge an entry that attackers wrote: an incident of level 1, or 2 where others have seen samples."""
    reading, cast, weighed, features = study(article)
    if not cast.victims:
        verdict = Verdict(False, 1 - CONFIDENCE, (), "a claim of attackers that names no care provider")
        return replace(conclude(reading, cast, weighed, verdict, features), outage=False, level=0)
    named = cast.victims[0]
    verdict = Verdict(True, CONFIDENCE, (), f"attackers claim an attack on “{named.name}”")
    judged = conclude(reading, cast, weighed, verdict, features)
    signals = [Signal.ATTACK, Signal.ATTACKER_CLAIM]
    if any(one.used and one.found.signal is Signal.SAMPLES_SEEN for one in weighed):
        signals.append(Signal.SAMPLES_SEEN)
    facts = replace(judged.grading, certainty=Certainty.CLAIMED, published_by_attacker_only=True)
    graded = grade(signals, facts)
    field, start, end = reading.place(named.start, named.end)
    quote = (article.title if field == "title" else article.text)[start:end]
    claim = Evidence(Signal.ATTACKER_CLAIM, quote, start, end, field, True, "stands in a list that attackers keep")
    return replace(
        judged,
        level=graded.level,
        rule=graded.rule,
        cap=graded.cap,
        would_be=graded.would_be,
        impact_unknown=graded.impact_unknown,
        certainty=Certainty.CLAIMED,
        grading=facts,
        reason=f"{verdict.reason}; level {graded.level}: {graded.reason}",
        signals=(claim, *(_set_aside(one) for one in judged.signals)),
    )


def _set_aside(one: Evidence) -> Evidence:
    """Count nothing of what attackers tell of their own deed, but that others have seen samples."""
    if not one.used or one.signal is Signal.SAMPLES_SEEN:
        return one
    return replace(one, used=False, why="the attackers' word alone")
