"""Read who a name belongs to by what stands beside it: a subsidiary's parent, a supplier's customer, a short name."""

from __future__ import annotations

import re

from services.classifier.reading import Reading
from services.classifier.victims.naming import Mention
from shared.gate.scan import unspaced

# "Cardiovascular Consultants, filiale de Fresenius": the parent is named, the subsidiary was hit.
_PART_OF = re.compile(
    r"(?P<name>[A-ZÀ-Ý][\w&'’.-]*(?: (?:of |de |du |and |& )?[A-ZÀ-Ý0-9][\w&'’.-]*){0,6})"
    r"(?: \([^()\n]{2,20}\))?(?:, | \()(?:une? |an? |the |eine? |die |una |uma |het |een )?"
    r"(?:\w+ )?(?:filiale|subsidiary|unit|division|affiliate|arm|Tochter\w*|dochter\w*|filial|subsidiária|controllata"
    r"|spółk\w+ zależn\w+|dotterbolag|datterselskab|datterselskap|owned by|operated by|part|membre|miembro|member)"
    r"(?: (?:of|de|du|des|von|der|des|di|del|da|do|van|till?|af|av))*(?: the| la| le| l['’])?\s?$"
)
_REACH = 140
# "X alerts patients to Cerner data breach": the customer tells of it, and its patients are concerned.
_TELLS_ITS_PATIENTS = re.compile(
    r"^,? (?:has |is |begins )?(?:alert|notif|warn|inform|tell|told|contact|advis|benachrichtig|avertit|prévient"
    r"|avis|comunica|informa|varsl|underrett|waarschuw)\w*"
)
# "Serviço de Saúde da Madeira (SESARAM)", "L'Avezzano Sulmona L'Aquila (ASL 1)".
_SHORT_AFTER = re.compile(r"^[»”\"]?[\s\u00a0]?[(（]([A-ZÀ-Ý][\w.-]{1,11}(?: \d{1,2})?)[)）]")
# "多伦多病童医院（The Hospital for Sick Children）"
_LATIN_AFTER = re.compile(r"\s?[（(]([A-ZÀ-Ý][A-Za-zÀ-ÿ.'’&-]*(?: [A-Za-zÀ-ÿ.'’&-]+){0,8})(?:[,，、][^)）]*)?[)）]")
_LONG_BEFORE = re.compile(
    r"([A-ZÀ-Ý][\w&'’-]+(?: (?:(?:of|de|du|da|do|di|and|&|et|e) )?[A-ZÀ-Ý][\w&'’-]+){1,6}) [(（]$"
)


def subsidiary_before(main: Mention, reading: Reading) -> Mention | None:
    """Return the provider that stands before its parent: "X, a subsidiary of Y" names X."""
    begin = max(main.sentence.start, main.start - _REACH)
    found = _PART_OF.search(reading.document[begin : main.start])
    if found is None:
        return None
    start, end = begin + found.start("name"), begin + found.end("name")
    return Mention(found["name"], start, end, main.sentence, frozenset(found["name"].lower().split()))


def customer_that_tells(main: Mention, others: list[Mention], reading: Reading) -> Mention | None:
    """Return the provider that tells its patients of its supplier's breach, in the same sentence."""
    if not main.supplier:
        return None
    for other in others:
        if other.supplier or not other.specific or other.sentence is not main.sentence or other.start > main.start:
            continue
        if _TELLS_ITS_PATIENTS.match(reading.document[other.end : other.end + 40]):
            return other
    return None


def short_and_long(mention: Mention, reading: Reading) -> tuple[str, ...]:
    """Return the short name in brackets behind a name, or the long one before a short one in brackets."""
    document = reading.document
    if unspaced(mention.name):
        latin = _LATIN_AFTER.match(document, mention.end, mention.end + _REACH)
        return (latin[1],) if latin is not None else ()
    after = _SHORT_AFTER.match(document[mention.end : mention.end + 24])
    if after is not None and sum(letter.isupper() for letter in after[1]) > 1:
        return (after[1],)
    before = _LONG_BEFORE.search(document[max(mention.sentence.start, mention.start - 100) : mention.start])
    return (before[1],) if before is not None and document[mention.end : mention.end + 1] in ")）" else ()
