"""Say whether a care provider's words name one provider, or only where or what kind it is: "Tennessee Hospital"."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from services.classifier.naming import Mention
from services.classifier.place_words import country_words, is_demonym, table
from shared.gate.scan import unspaced

_KINDS = frozenset(
    "children children's university regional memorial county state city local third major several teaching public "
    "private national another big small large leading largest biggest rural system network group provider company "
    "chain firm healthcare health care medical giant operator nonprofit non-profit services service radiology "
    "dental practice european central northern southern eastern western north south east west nationwide multiple "
    "régional universitaire privé municipal santé soins público privado universitario of organisation "
    "organization trust centre center facility facilities all some any every my our your this that these those "
    "one two three four five six seven eight nine ten dozens hundreds".split()
)
_UNSPACED_KINDS = re.compile(
    r"这家|該|该|同|又|另|再|大手|某|一家|一所|多家|两家|三家|几家|家|所|大型|综合性|综合|綜合|大学|教学|教學|公立|私立|国立|國立|市立|县|縣|省|市|州|都|府"
    r"|地方|地区|地區|附属|附屬|主要|知名|当地|當地|ネットワーク|グループ|複数|各地|全国|全國|[0-9０-９一二三四五六七八九十百]+|の|内|内の"
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
        return all(_only_places(word) for word in mention.own)
    return all(_says_nothing(word) for word in mention.own if len(word) > 1) or _names_a_place(mention)


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
