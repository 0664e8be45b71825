"""Say whether a care provider's words name one provider, or only where or what kind it is: "Tennessee Hospital"."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from services.classifier.places.words import country_words, is_demonym, table
from services.classifier.reading import Reading
from services.classifier.victims.naming import Mention
from shared.gate.scan import unspaced

_KINDS = frozenset(
    "children children's university regional memorial county state city local third major several teaching public "
    "private national another big small large leading largest biggest rural system network group provider company "
    "chain firm healthcare health care medical giant operator nonprofit non-profit services service radiology "
    "dental practice european central northern southern eastern western north south east west nationwide multiple "
    "régional universitaire privé municipal santé soins público privado universitario of organisation "
    "organization trust centre center facility facilities all some any every my our your this that these those "
    "hunderte dutzende zahlreiche mehrere viele tausende centaines dizaines plusieurs decenas cientos varios varias "
    "decine centinaia diversi dezenas centenas tientallen honderden meerdere flere flera dussintals kymmeniä desítky "
    "stovky dziesiątki setki kilka kolme viele einige manche weitere autres otros otras altri outros andere "
    "one two three four five six seven eight nine ten dozens hundreds".split()
)
_UNSPACED_KINDS = re.compile(
    r"米国?|英国?|独|仏|豪州?|韓国?|这家|該|该|同|又|另|再|大手|某|一家|一所|多家|两家|三家|几家|家|所|大型|综合性|综合|綜合|大学|教学|教學|公立|私立|国立|國立|市立|县|縣|省|市|州|都|府"
    r"|最大|儿童|兒童|小児|こども|子ども|妇女|婦女|妇幼|精神|肿瘤|癌症|专科|專科|私立|私人|私家|民营|三甲|南部|北部|中部|東部|东部|西部|地方|地区|地區|附属|附屬|主要|知名|当地|當地|ネットワーク|グループ|複数|各地|全国|全國|[0-9０-９一二三四五六七八九十百]+|の|内|内の"
)

_HOSPITAL = re.compile(
    r"医院|醫院|病院|中心|医疗|醫療|医療|集团|集團|センター|机构|機構|系统|系統|诊所|診所|クリニック"
)


def is_generic(mention: Mention) -> bool:
    """Say whether a mention's own words are only places, adjectives and kinds."""
    if mention.listed:
        return False
    if not mention.own:
        return True
    if any(unspaced(word) for word in mention.own):
        # "山陰の病院": a hospital of somewhere.
        return all(word.endswith("の") or _only_places(word) for word in mention.own)
    return all(_says_nothing(word) for word in mention.own if len(word) > 1) or _names_a_place(mention)


def begins_a_sentence_only(mention: Mention, reading: Reading) -> bool:
    """Say whether what sets a name apart is one capitalised word with which a title begins: "Charity hospice loses …".

    A capital tells nothing there, unless the text writes the word with one, too.
    """
    if not mention.sentence.title or len(mention.own) != 1 or mention.start != mention.sentence.start or mention.listed:
        return False
    (word,) = mention.own
    first = mention.name.split()[0]
    later = reading.document[reading.title_length :]
    return first.lower() == word and " " in mention.name and bool(later) and first not in later


def without_places(name: str) -> tuple[str, ...]:
    """Return what an unspaced name says behind the places that it begins with: "法国巴黎凡尔赛医院" is "凡尔赛医院"."""
    if not name or not unspaced(name[0]):
        return ()
    rest = shortest = name
    while (found := _places_pattern().match(rest)) is not None and found.end() < len(rest):
        rest = rest[found.end() :].lstrip("の")
        if not _UNSPACED_KINDS.sub("", _HOSPITAL.sub("", rest)):
            break
        shortest = rest
    return (shortest,) if shortest != name else ()


def _says_nothing(word: str) -> bool:
    bare = re.sub(r"'s$|’s$|-based$", "", word)
    known = table("regions")
    return bare in _KINDS or bare in known or bare in country_words() or is_demonym(bare) or bare.isdigit()


def _names_a_place(mention: Mention) -> bool:
    """Say whether the words before the kind are one place of several words: "South Carolina hospital"."""
    words = " ".join(re.sub(r"'s$|-based$", "", w) for w in mention.name.lower().replace("’", "'").split())
    places = table("regions")
    for size in (3, 2):
        first = " ".join(words.split()[:size])
        if first in places or first in country_words():
            rest = set(words.split()[size:]) & mention.own
            return all(_says_nothing(word) for word in rest)
    return False


@lru_cache(maxsize=4096)
def _only_places(run: str) -> bool:
    return not _UNSPACED_KINDS.sub("", _places_pattern().sub("", run))


@cache
def _places_pattern() -> re.Pattern[str]:
    names = {name for name in (*table("regions"), *country_words()) if unspaced(name) and len(name) > 1}
    return re.compile("|".join(re.escape(name) for name in sorted(names, key=lambda n: (-len(n), n))))
