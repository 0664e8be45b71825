"""Find where a provider's name begins and ends in scripts without spaces and capitals: 白浜総合病院, 江城市人民医院."""

from __future__ import annotations

import re

_NUMBER = "[0-9０-９一二两兩三四五六七八九十几幾多数數各]"
_LEFT = re.compile(r"[㐀-鿿゠-ヿＡ-ｚA-Za-z0-9・·]{0,14}$")
# What is no part of a name, up to its last word: what was done, who did it, when, how many.
_CUT = re.compile(
    r"^.*(?:攻击|攻擊|病毒|黑客|駭客|遭|的|(?<=..)[和与與在]|及|对|對|了|是|因|向|致|使|被|据|據|从|從|由|多家|最大"
    rf"|{_NUMBER}+[日月年家所间間名]|[这這那][家所间間]|该|該|某|一些|目前|近年[来來]|以及|于|於|位于|去年|今年|昨年|昨天|昨日|今天|日前|近日|当地|當地|所属|所屬|声称|聲稱|宣称|宣稱|攻破|入侵"
    r"|窃取|竊取|勒索|骇入|駭入|瞄準|瞄准|不正|向け|为|為|起诉|起訴|至少|导致|導致|确认|確認|证实|證實|通报|通報|提供商|供应商|供應商)"
)
# A Japanese name in kana from a mark on ("、さくら病院"), which holds no particle.
_KANA_NAME = re.compile(r"(?:^|[、。「『（\s])([ぁ-んァ-ヶー一-鿿々・A-Za-z0-9]{2,14})$")
_PARTICLE = re.compile(r"[はがをにへでも]|から|まで|より|との|での|する|した|され")
# "昨年の半田病院", "県内の病院": when and where, no name.
_NO_NAME_YET = re.compile(
    r"^(?:(?:昨年|去年|今年|一昨年|先月|今月|先週|今週|昨日|前日|同日|[0-9０-９]+[年月日])(?:の|に|、)?"
    r"|(?:[都道府県市区町村国]内|地元|同じ|海外|全国|各地)の)+"
)
_AFTER = re.compile(r"[一-鿿]{2,5}?(?=遭|被|电脑|電腦|系统|系統|数据|資料|服务器|伺服器|网站|網站)")
# "凡尔赛医院中心": the kind goes on.
_KIND_GOES_ON = re.compile("中心|集团|集團|总院|總院|グループ|機構|ネットワーク")
# "医療法人白樺会": the kind of body stands before the name.
_CORPORATE = "法人"
_BODY = re.compile(r"[㐀-鿿ァ-ヶー々]{2,10}")
_NAMED_BEFORE = frozenset({"医院", "醫院", "病院", "诊所", "診所", "医疗机构", "醫療機構"})
_REACH = 16


def unspaced_edges(text: str, begin: int, start: int, end: int, stop: int) -> tuple[int, int]:
    """Return where the name around a word for care (`start` to `end`) stands, within a sentence's bounds."""
    if text[start:end].endswith(_CORPORATE) and (body := _BODY.match(text, end, stop)):
        return start, body.end()
    left = _LEFT.search(text, max(begin, start - _REACH), start)
    run = left.group() if left else ""
    kana = _KANA_NAME.search(text, max(begin, start - _REACH), start)
    if kana and len(kana[1]) > len(run) and not _PARTICLE.search(kana[1]):
        return kana.start(1) + _no_name_yet(kana[1]), end
    cut = _CUT.match(run)
    first = start - len(run) + (cut.end() if cut else _no_name_yet(run))
    if first < start and (more := _KIND_GOES_ON.match(text, end, stop)):
        return first, more.end()
    follows = first == start and text[start:end] not in _NAMED_BEFORE
    after = _AFTER.match(text, end, stop) if follows else None
    return first, after.end() if after else end


def _no_name_yet(run: str) -> int:
    found = _NO_NAME_YET.match(run)
    return found.end() if found else 0
