"""What a message says, and that text of others cannot break out of it in any form."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from typing import Any

import pytest

from services.notifier.config import Channel, Subscriptions, targets
from services.notifier.letter import build_letter, check_letter
from services.notifier.message import (
    STANDING,
    Message,
    alert_message,
    joined,
    list_message,
    operators_message,
    test_message,
)
from services.notifier.render_chat import LIMIT, chat_title, render_chat
from services.notifier.render_html import COLOURS, render_html
from services.notifier.render_text import REPEAT, render_text
from services.notifier.route import Told, decide
from services.notifier.snapshot import Snapshot
from shared.errors import Permanent
from shared.events import Alert, AlertReason, Certainty, CitedEvidence, Source, Victim
from shared.ids import stable_id
from tests.notifier.alert_samples import LONG_AGO, NOW, alert, facts, subscription

HOSTILE = (
    "<script>alert(1)</script> @everyone <!channel> [x](http://evil.example) **b** "
    "\r\nBcc: evil@evil.example\u202e =?utf-8?q?x=0d=0aBcc=3A_evil=40x.example?= {{ 7*7 }} www.evil.example"
)


def _message(one: Alert, told: Told | None = None) -> Message:
    return alert_message(one, decide(one, subscription(), told, LONG_AGO), "duty")


def hostile_alert() -> Alert:
    """Make an alert in which every text of others is an attack."""
    return alert(
        headline=HOSTILE,
        grade_reason=HOSTILE,
        facts=facts(
            victims=(Victim(name=HOSTILE, place=HOSTILE, country="FR"),), suppliers=(HOSTILE,), attacker=HOSTILE
        ),
        evidence=(CitedEvidence(signal="x", words=HOSTILE, quote=HOSTILE, source=HOSTILE, url="javascript:alert(1)"),),
        sources=(Source(url='https://e.example/"><script>', source=HOSTILE, title=HOSTILE, entry_id=stable_id("e")),),
        note=HOSTILE,
    )


def test_an_opening_says_what_to_whom_where_since_when_how_bad_why_and_how_sure() -> None:
    """Look for each answer in each form."""
    message = _message(alert())
    assert message.subject == (
        "[CRITICAL 4/5] Cyberattack on Centre hospitalier de Valmont (FR): emergency department closed"
    )
    for shown in (render_text(message), render_html(message), render_chat(message)):
        flat = " ".join(shown.split()).replace("&#39;", "'")
        for answer in (
            "Centre hospitalier de Valmont",
            "Monday 23 November 2026",
            "mergency department closed; patients transferred.",
            "trois patients de réanimation ont été transférés dans la nuit",
            "https://radio-plateau.example/a/31",
            "eported, 2 sources",
            STANDING,
        ):
            assert answer in flat, answer
    assert "France" in render_text(message)


def test_an_update_says_what_changed_since_the_last_message_to_this_subscription() -> None:
    """Show the changes first."""
    told = Told(Snapshot.of(alert(level=3)))
    message = _message(alert(version=2, facts=facts(certainty=Certainty.CONFIRMED)), told)
    assert message.subject.startswith("[CRITICAL 4/5] Update: ")
    text = render_text(message)
    assert text.index("Since the last message to you") < text.index("Who:")
    assert "level rises from 3 (high) to 4 (critical)" in text
    assert "now confirmed by the victim or an authority (was: reported)" in text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"would_be": 5, "grade_reason": "death; would be 5 if confirmed"}, "Death. It would be level 5 if confirmed."),
        ({"impact_unknown": True, "level": 2}, "Effect on patient care unknown"),
        ({"kind": "outage"}, "[CRITICAL 4/5, cause unknown]"),
        ({"peak": 5}, "At its worst"),
        ({"facts": facts(attack_date=None)}, "First reported"),
    ],
)
def test_a_message_says_what_is_uncertain(changes: dict[str, Any], expected: str) -> None:
    """Name what is not known as not known."""
    message = _message(alert(**changes))
    assert expected in f"{message.subject}\n{render_text(message)}"


def test_a_retraction_says_so_and_gives_its_reason() -> None:
    """Tell those who were told that it does not hold."""
    retracted = alert(version=2, reason=AlertReason.RETRACTED, note="the hospital had a fire drill")
    message = _message(retracted, Told(Snapshot.of(alert())))
    assert message.subject.startswith("[RETRACTED] ")
    assert "Retracted: the hospital had a fire drill" in render_text(message)


@pytest.mark.parametrize(("reason", "word"), [(AlertReason.CLOSED, "CLOSED"), (AlertReason.CORRECTED, "CORRECTED")])
def test_what_is_over_is_told_calmly(reason: AlertReason, word: str) -> None:
    """Show no level where there is none left."""
    over = alert(version=2, reason=reason, level=0, note="a burst water pipe, says the hospital")
    message = _message(over, Told(Snapshot.of(alert(kind="outage"))))
    assert message.subject.startswith(f"[{word}] ")
    assert "a burst water pipe" in render_text(message)
    assert f">{word.capitalize()}<" in render_html(message)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        self.links |= {value or "" for name, value in attrs if name in {"href", "src"}}


def test_hostile_text_stays_text_in_html() -> None:
    """Find no tag, link or handler that the template did not write."""
    page = _Tags()
    page.feed(render_html(_message(hostile_alert()), possible_repeat=True))
    assert "script" not in page.tags
    assert page.links <= {"https://e.example/%22%3E%3Cscript%3E"}
    assert "49" not in render_html(_message(hostile_alert()))


def test_hostile_text_is_harmless_in_a_chat() -> None:
    """Find no mention, no tag and no link but our own."""
    message = _message(hostile_alert())
    shown = chat_title(message) + "\n" + render_chat(message)
    for device in ("@everyone", "@e", "<!", "](", "**", "http://evil", "www.e"):
        assert device not in shown, device


def test_a_chat_message_fits_whatever_it_holds() -> None:
    """Cut at a line, say how many are missing, and keep the standing sentence."""
    items = [_message(alert(number, headline="A very long headline " * 12)) for number in range(60)]
    for message in (list_message("fold", items, "duty"), _message(hostile_alert())):
        shown = render_chat(message)
        assert len(shown) <= LIMIT
        assert "may lag by hours" in shown
    assert "more lines" in render_chat(list_message("fold", items, "duty"))


def test_a_fold_of_fifteen_lists_them_all_in_a_chat() -> None:
    """Hold what `fold.IN_A_CHAT_FOLD` promises."""
    items = [_message(alert(number, headline=f"Number {number:02} " + "x" * 300)) for number in range(15)]
    shown = render_chat(list_message("fold", items, "duty"))
    assert all(f"Number {number:02}" in shown for number in range(15))


def test_a_fold_lists_the_gravest_first_and_each_incident_once() -> None:
    """Let the latest version stand for an incident whose opening and update were both folded."""
    update = _message(alert(1, version=2, level=5), Told(Snapshot.of(alert(1, level=3))))
    folded = [_message(alert(1, level=3)), _message(alert(2, level=2)), update]
    message = list_message("fold", folded, "duty")
    assert [(item.level, item.kind) for item in message.items] == [(5, "opening"), (2, "opening")]
    assert message.subject == "[EMERGENCY 5/5] 2 alerts folded into one message"
    alone = list_message("summary", [_message(alert(1, level=3)), update], "duty")
    assert (alone.kind, alone.level) == ("opening", 5)
    assert "Update" not in alone.subject


def test_what_waited_is_told_with_what_comes_after_it() -> None:
    """Of two updates that wait nothing that changed is left out, and nothing stands twice."""
    before = Told(Snapshot.of(alert(level=4)))
    lower = _message(alert(version=2, level=3), before)
    data = _message(alert(version=3, level=3, facts=facts(data="published")), before)
    (first, *_), (*_, last) = lower.changes, data.changes
    both = list_message("held", [lower, data], "duty")
    assert both.changes == (first, last)
    assert joined(lower, _message(alert(version=3, reason=AlertReason.RETRACTED), before)).kind == "retraction"


def _letter(message: Message, **options: Any) -> Any:
    data = build_letter(
        message, delivery_id="d" * 32, sender="codegrey@hospital.example", to="duty@hospital.example", sent_at=NOW,
        **options,
    )  # fmt: skip
    return message_from_bytes(data, policy=policy.default)


def test_a_mail_has_text_and_html_and_says_what_it_is() -> None:
    """Read the mail as a mail program does."""
    mail = _letter(_message(alert()))
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["Subject"].startswith("[CRITICAL 4/5] Cyberattack on")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Importance"] == "high"
    assert mail["Message-ID"] == f"<{'d' * 32}@hospital.example>"
    assert mail["X-Code-Grey-Possible-Repeat"] is None


def test_a_possible_repeat_says_so_in_subject_text_and_html_and_keeps_its_message_id() -> None:
    """Let people and machines both see it."""
    mail = _letter(_message(alert()), possible_repeat=True)
    assert mail["Subject"].startswith("(may be a repeat) [CRITICAL")
    assert mail["X-Code-Grey-Possible-Repeat"] == "yes"
    assert mail["Message-ID"] == _letter(_message(alert()))["Message-ID"]
    text, html = (part.get_content() for part in mail.iter_parts())
    assert REPEAT in " ".join(text.split())
    assert REPEAT in html


@pytest.mark.parametrize("headline", [HOSTILE, "a\r\n\r\n<b>body", "x =?utf-8?q?x=0d=0aBcc=3A_e=40x.example?=", ""])
def test_no_headline_becomes_a_header(headline: str) -> None:
    """Find only headers that we wrote, once each, and one recipient."""
    mail = _letter(_message(alert(headline=headline)))
    assert mail["Bcc"] is None
    assert [address.addr_spec for address in mail["To"].addresses] == ["duty@hospital.example"]
    assert "\n" not in str(mail["Subject"])


@pytest.mark.parametrize(
    "added", [b"Bcc: evil@x.example\r\n", b"To: evil@x.example\r\n", b"X-Other: 1\r\n", b"Subject: two\r\n"]
)
def test_a_letter_with_headers_that_nobody_wrote_is_not_sent(added: bytes) -> None:
    """Refuse at the last door what slipped through the others."""
    letter = build_letter(_message(alert()), delivery_id="d", sender="a@b.example", to="c@d.example", sent_at=NOW)
    with pytest.raises(Permanent):
        check_letter(added + letter, to="c@d.example")


def test_operators_and_tests_get_marked_messages() -> None:
    """Let nobody take them for an attack."""
    over = operators_message("over", "consumer x is paused", [], now=NOW)
    assert over.subject == "[Code Grey recovered] consumer x is paused"
    shown = render_text(test_message("duty", NOW + timedelta(days=1)))
    assert "*** TEST ***" in shown
    assert "No hospital is under attack" in shown


def test_white_text_is_readable_on_every_bar() -> None:
    """Hold the contrast of 4.5 to 1 that is asked of text of this size."""

    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in COLOURS:
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, colour


def test_each_address_of_a_channel_is_a_target_of_its_own() -> None:
    """Count one delivery for each address, and one for an address that is named twice."""
    config = Subscriptions(
        channels={"mail": Channel(kind="email", to=("a@x.example", "b@x.example")), "chat": Channel(kind="chat")}
    )
    found = [target.key for target in targets(config, ("mail", "chat", "mail"))]
    assert found == ["mail:a@x.example", "mail:b@x.example", "chat"]
