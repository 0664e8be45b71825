"""Hold the small words of names and headlines: what joins a name, what only fills a title, what kind a house is."""

from __future__ import annotations

JOINERS = {
    "de", "du", "des", "d", "la", "le", "les", "of", "the", "and", "&", "for", "at", "di", "del", "della", "dell",
    "delle", "dei", "do", "da", "dos", "das", "e", "y", "et", "und", "am", "im", "an", "der", "den", "van", "het",
    "von", "zu", "in", "los", "las", "el", "i", "w", "we", "im.", "św.", "och", "og", "s", "saint", "al", "degli", "à",
    "en", "em", "no", "na", "v", "ve", "u", "på", "ved", "nad", "pod", "te", "ter", "bei", "a", "ad", "sv.", "sf.",
}  # fmt: skip
STOP_CONCEPTS = frozenset(
    {"cyber", "breach", "hacked", "hacker", "victim_of", "outage", "claim", "stolen", "published", "closed", "down",
     "cancelled", "ransom", "gang", "lawsuit", "penalty", "confirmed", "paper", "data", "suspended"}
)  # fmt: skip
TITLE_FILLERS = {
    "After", "Against", "Amid", "As", "At", "By", "Following", "For", "From", "In", "On", "Over", "To", "With", "Due",
    "Says", "Hit", "Hits", "Is", "Are", "Was", "Were", "Be", "Been", "Has", "Have", "Major", "Largest", "Local", "More",
    "Than", "Million", "Patients", "Patient", "A", "An", "Its", "Their", "Third", "Another", "Two", "Three", "Four",
    "Several", "Multiple", "Some", "Thousands", "People", "New", "Impacted", "Affected", "When", "How", "Why",
    "Exclusive", "Breaking", "Developing", "Update", "Updated", "Notice", "Nach", "Bei", "Auf", "Der", "Die", "Das",
    "Cripple", "Cripples", "Disrupts", "Disrupt", "Targets", "Target", "Strikes", "Forces", "Paralyzes", "Paralyses",
    "Shuts", "Takes", "Leak", "Leaks", "Steal", "Steals", "Claims", "Halts", "Impacts", "Affects", "Exposes",
    "Disables", "Knocks", "Locks", "Attack", "Attacks", "Down", "Downs", "Delays", "Closes", "Breaches", "Access",
    "Trois", "Deux", "Quatre", "Plusieurs", "Dos", "Tres", "Varios", "Dois", "Três", "Zwei", "Drei",
    "Z", "Ze", "V", "Ve", "W", "We", "Od", "Při", "Przy", "Przed", "Fra", "Från", "Till", "Til", "Hos", "Mot", "Ved",
    "Beim", "Gegen", "Vom", "Zum", "Aus", "Bij", "Uit", "Nella", "Nel", "Dal", "Dalla", "Alla", "Em", "Ao", "Pelo",
    "Mehrere", "Twee", "Drie", "Dwa", "Trzy", "Två",
    "Un", "Une", "Le", "La", "Les", "L'", "El", "Los", "Il", "Lo", "O", "Os", "Het", "De", "En", "Een", "Na",
    "Op", "Por", "Para", "Con", "Al", "Dans", "Après", "Sur", "Ce", "Cette", "Par", "Aux", "Au", "Et", "Y",
}  # fmt: skip
# "l'hôpital d'instruction des armées Lemoine", "szpital powiatowy w …": the name goes on behind these.
KIND_WORDS = frozenset(
    "privé privée public publique régional régionale intercommunal universitaire militaire psychiatrique pédiatrique "
    "général générale local locale départemental départementale gériatrique mutualiste chirurgical chirurgicale "
    "spécialisé spécialisée central centrale instruction armées jour comarcal regional universitario universitaria "
    "general provincial municipal público privado privada militar infantil psiquiátrico psiquiátrica materno nacional "
    "departamental oncológico oncológica geriátrica dental estadual universitário universitária distrital psiquiátrica "
    "civile pediatrico militare psichiatrico ortopedico provinciale regionale privato generale universitaria "
    "regionaal academisch psychiatrisch powiatowy powiatowego powiatowym wojewódzki wojewódzkiego wojewódzkim miejski "
    "miejskiego miejskim kliniczny klinicznego klinicznym uniwersytecki uniwersyteckiego uniwersyteckim dziecięcy "
    "dziecięcego specjalistyczny specjalistycznego psychiatryczny psychiatrycznego onkologiczny onkologicznego "
    "privata privato clinic hospital clinică județean județeană municipal".split()
)
