"""Hold the shapes by which a name shows itself where no word for care stands in it."""

from __future__ import annotations

import re

# A run of capitalised words.
CAPITALISED = re.compile(
    r"[^\W\d_a-zß-öø-ÿ][\w&'’-]*(?: (?:of |de |du |da |do |di |del |della )?[^\W\d_a-zß-öø-ÿ][\w&'’-]*){0,5}"
)
QUOTED = re.compile(r"[«„“\"「『]([^«»„“”\"「」『』\n]{2,40})[»“”\"」』]")
# Suppliers in scripts without capitals: what follows the word for a firm, up to what is told of it.
UNSPACED_FIRM = re.compile(
    r"(?:供应商|供應商|系统商|系統商|软件商|資訊商|信息商|厂商|廠商|服务商|服務商|公司)"
    r"(?P<zh>[\u4e00-\u9fff]{2,6}?)(?=遭|被|系统|系統|数据|資料)"
    r"|(?:会社|業者|委託先|運営の|システムの|クラウド業者)の?(?P<ja>[ァ-ヶー一-鿿A-Za-z]{2,14})(?=に|へ|が|の|で|、|から)"
    r"|(?:업체|회사|기업|앱) (?P<ko>[가-힣A-Za-z]{2,10}?)(?=이|가|은|는|에|,|\s|$)"
)
# "Firma LabDane", "softwareleverancier Zorgplein": a kind of firm, and no part of its name.
FIRM = re.compile(
    r"(?:[\w-]*(?:leverancier|leverandør|leverantör|toimittaja|palveluntarjoaja|dienstleister|softwarehaus|softwarefirma"
    r"|hersteller|anbieter|bolag|företag|bedrijf|selskab|yhtiö|firma)\w{0,3}|dodavatel\w*|dodávateľ\w*|dostawc\w*|dobavlja\w*"
    r"|furnizor\w*|fornit\w*|fornecedor\w*|proveedor\w*|prestataire|fournisseur|éditeur|hébergeur|sous-traitant|supplier"
    r"|vendor|provider|firm|company|firm[yęąouie]|spółk\w|firmou|společnost\w*|empresa|compañía|companhia|società|société"
    r"|entreprise|groupe|start-up|startup|plataforma|plateforme|piattaforma|platform|plattform|plattformen|software"
    r"|tienestetaren|producent\w*|systém\w*|systemet|sistema|systeem|keten|kedjan|kæden|kjeden|ketju"
    r"|фирм\w*|компани\w*|поставщик\w*|разработчик\w*|компані\w*|постачальник\w*|доставчик\w*)",
    re.IGNORECASE,
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
# What leads to the name of who was hit, and what follows it.
INTRODUCES = re.compile(
    r"(?:\b(?:at|on|of|against|hits|hit|chain|firm|supplier|vendor|provider|company|platform|group|contractor|operator"
    r"|contre|chez|auf|bei|gegen|Dienstleister|Softwarehaus|Softwarefirma|dienst|contra|al|a|proveedor|fornitore|fornecedor"
    r"|à|prestataire|fournisseur|plateforme|hébergeur|éditeur|leverancier|leverandør\w*|leverantör\w*|mot|på|hos|bij|op"
    r"|na|dostawcę|dodavatel\w*|systémů|laboratorium|résidence|rede|chain|clinic|clinics|\w*(?:dienstleister|softwarehaus"
    r"|softwarefirma|dienst|anbieter|hersteller)|sous-traitant|leverantören|bolaget|underleverantör|firmaet|firmy|firmę|firma"
    r"|proveedora?|empresa|sistema|plataforma|società|azienda|fornitrice|leverancier|leverandøren|yhtiö\w*|toimittaja\w*"
    r"|фирм\w*|компани\w*|поставщик\w*|сервис\w*|постачальник\w*|компані\w*|доставчик\w*|εταιρεία\w*|dobavljač\w*"
    r"|legt|trifft|greifen|greift|paralysiert|erpresst|treft|raakt|rammer|lammer|drabbar|frappe|touche|vise|cible|golpea"
    r"|afecta|paraliza|tumba|colpisce|blocca|atinge|paralisa|derruba|sparaliżował\w*|zaatakowali|napadli|ochromil\w*"
    r"|vyřadil\w*"
    r"|lamautti|kaatoi|iski|pati[eë]nten|pacientes de|Patienten (?:der|des|von)|patienter (?:hos|på|från|i)|pacjentów"
    r"|pacientů|patients (?:of|at)|Stiftung|Fondazione|Fundación|Fondation|Stichting|Fundação|residencias?|grupo"
    r"|gruppo|groupe"
    r"|ponudnik\w*|furnizor\w*|firmei|şirketi|szolgáltató|cég|perusahaan|công ty|شركة|חברת|업체|회사|기업|앱)|[»”)])"
    r"[:,]?\s+[«“„\"(]?$",
    re.IGNORECASE,
)
TELLS = re.compile(
    r"^[»”\")]?(?:, [^,.\n]{3,60},)?\s*[:,]?\s*(?:"
    r"says|said|confirms|confirmed|notifies|warns|discloses|reports|announces|tells|is|was|hacked|"
    r"hit|victim\w*|breach|hack|gehackt|meldet|bestätigt|angegriffen|piraté\w*|victime|attaqué\w*|reconnaît|hackead\w*|"
    r"ha (?:confermat|comunicat|confirmad|informad)|a (?:confirm|annonc|indiqu|inform)\w*|hat (?:bestätigt|mitgeteilt)"
    r"|teilte|gab bekannt|informou|confirmou|informó|confirmó|dijo|disse|bevestigt|meldt|heeft"
    r"|har (?:bekr|bek|oplyst)\w*"
    r"|oplyser|opplyser|uppger|säger|sier|poinform\w*|potwierdz\w*|potvrdil\w*|uvedl\w*|oznámil\w*|kertoo|vahvist\w*|"
    r"confirma|comunica|informa|hackerat\w*|hacket|hackad|angripet|napaden|porte|getroffen|slachtoffer|alvo|diz|ofiar\w*)"
)
# Who tells of an attack without having been hit.
NO_VICTIM = re.compile(
    r"\w*(?:Minist|Polic|Poliz|Polít|Politi|Gendarm|Staatsanwalt|Landeskriminal|Bundesamt|Behörd|Agence|Agenzia|Agência"
    r"|Agencia|Garante|Procur|Parquet|Préfe|Prefe|Govern|Gouvern|Gobiern|Regierung|Sindac|Alcald|Maire|Bürgermeister"
    r"|Datenschutz|Datatilsyn|Autorité|Autorit|Commission|Senat|Hacker|Häcker|Ransom|Cyber|Securit|Secur|Research|Forsch"
    r"|Experte|Expert|According|Nach|Selon|Según|Secondo|Segundo|Volgens|Enligt|Ifølge|Podle|Według)"
)
