"""Hold the shapes by which a name shows itself where no word for care stands in it."""

from __future__ import annotations

import re

QUOTED = re.compile(r"[«„“\"「『]([^«»„“”\"「」『』\n]{2,40})[»“”\"」』]")
# Suppliers in scripts without capitals: what follows the word for a firm, up to what is told of it.
UNSPACED_FIRM = re.compile(
    r"(?:供应商|供應商|系统商|系統商|软件商|資訊商|信息商|厂商|廠商|服务商|服務商|公司)"
    r"(?P<zh>[\u4e00-\u9fff]{2,6}?)(?=遭|被|系统|系統|数据|資料)"
    r"|(?:会社|業者|委託先|運営の|システムの|クラウド業者)の?(?P<ja>[ァ-ヶー一-鿿A-Za-z]{2,14})(?=に|へ|が|の|で|、|から)"
    r"|(?:업체|회사|기업|앱) (?P<ko>[가-힣A-Za-z]{2,10}?)(?=이|가|은|는|에|,|\s|$)"
)
# "Enzo Biochem ransomware attack": a headline in capitals tells the victim before the attack.
BEFORE_THE_EVENT = re.compile(
    r"^(?P<name>(?:[A-Z0-9][\w&'’.-]*|of|and|the|&)(?: (?:[A-Z0-9][\w&'’.-]*|of|and|the|&)){0,5}?),? "
    r"(?:[Cc]onfirms|[Dd]iscloses|[Ss]ays|[Nn]otifies|[Ss]uffers|[Rr]eports|[Aa]nnounces|[Hh]it [Bb]y|[Hh]acked|"
    r"[Rr]eveals|[Aa]dmits|[Dd]ata [Bb]reach|[Cc]yber ?[Aa]ttack|[Rr]ansomware|[Ss]ystems? [Dd]own|[Vv]ictim)\b"
)
WITH_INITIALS = re.compile(
    r"(?P<name>[A-Z][\w&'’-]*(?: (?:(?:of|and|the|for|de|&) )?[A-Z][\w&'’.-]*){1,6}),? "
    r"\((?P<initials>[A-Z][A-Za-z]{1,6})\)"
)
KIND_OF_HOSPITAL = re.compile(
    r"(?P<name>(?:[A-Z][\w'’.-]+ ){1,3}(?:Memorial|General|Regional|Mercy|Methodist|Baptist|Infirmary|Children's))"
    r"(?= (?:said|says|was|is|has|had|told|confirmed|did|will|and|to|in|on|for|after|back|,)|[.,;:])"
)
INNER_CAPITAL = re.compile(r"(?<![\w-])(?P<name>[^\W\d_a-zß-öø-ÿ][a-zß-öø-ÿ]+[A-Z][\w&-]*(?: [A-Z]\w+)?)(?!\w)")
OFFICES = frozenset({"Attorney", "Surgeon", "Inspector", "Solicitor", "Secretary", "Governor", "Director", "Attorneys"})
AUTHORITIES = frozenset(
    {"GCHQ", "FBI", "NCSC", "CISA", "Police", "Interpol", "Europol", "ICO", "HHS", "OCR", "Microsoft"}
)
# Written like a name of their own, and never who was hit.
NOT_VICTIMS = frozenset(
    "lockbit blackcat ransomhub dragonforce killnet shinyhunters bianlian worldleaks safepay killsec ransomhouse "
    "blackbasta ransomware darkside netwalker noname wannacry notpetya securityweek bleepingcomputer techcrunch "
    "databreaches youtube linkedin facebook whatsapp covid crowdstrike moveit mcafee fortinet fortiguard paloalto "
    "virustotal openai chatgpt blackfog nightspire thegentlemen github solarwinds sonicwall cybernews therecord "
    "bitdefender backmydata medusa everest akira anubis sarcoma warlock termite".split()
)
