"""One SMTP connection serves several letters, and one that is gone costs nobody a letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from services.notifier.config import Target
from services.notifier.mail import SESSIONS
from services.notifier.mail_sessions import AGE_S, IDLE_S, LETTERS, Kept, MailSessions
from services.notifier.message import alert_message
from services.notifier.outcome import Outcome, Result
from services.notifier.route import decide
from services.notifier.send import send_now
from shared.settings import Settings
from tests.notifier.alert_samples import LONG_AGO, alert, subscription
from tests.notifier.notifier_sinks import MailSink, mail_sink


class CountingSink(MailSink):
    """Remember which connection each letter came through; `hang_up` ends each after one letter."""

    connections: list[int]
    hang_up = ""

    async def handle_MAIL(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """Take a sender, or say that this connection has served long enough."""
        if self.hang_up and id(session) in self.connections:
            server.transport.close() if self.hang_up == "silently" else None
            return "421 too many letters, come again"
        self.connections.append(id(session))
        envelope.mail_from = address
        return "250 OK"


@pytest.fixture
def sink() -> Iterator[CountingSink]:
    """Run a mail server; leave no connection open."""
    server = CountingSink()
    server.connections = []
    server.start()
    yield server
    SESSIONS.close_idle(-1.0)
    server.stop()


def _send(sink: MailSink, number: int) -> Outcome:
    settings = sink.settings(Settings())
    one = alert(number)
    message = alert_message(one, decide(one, subscription(), None, LONG_AGO), "everything")
    target = Target("duty-mail", "email", "duty@hospital.example")
    return send_now(target, message, delivery_id=f"d{number}", possible_repeat=False, settings=settings)


def test_letters_share_a_connection(sink: CountingSink) -> None:
    """Open one for three letters."""
    assert [_send(sink, number).result for number in range(3)] == [Result.SENT] * 3
    assert len(sink.mails) == 3
    assert len(set(sink.connections)) == 1


@pytest.mark.parametrize("how", ["silently", "with 421"])
def test_a_server_that_hangs_up_after_each_letter_gets_them_all_at_once(sink: CountingSink, how: str) -> None:
    """Connect anew, without a failure that would have to wait."""
    sink.hang_up = how
    assert [_send(sink, number).result for number in range(3)] == [Result.SENT] * 3
    assert len({str(letter["Message-ID"]) for letter in sink.mails}) == len(sink.mails) == 3


def test_a_server_that_restarts_between_letters_costs_none() -> None:
    """Stop it and start it again on the same port while a connection is kept."""
    with mail_sink() as first:
        assert _send(first, 1).result is Result.SENT
    with mail_sink(port=first.port) as second:
        assert _send(second, 2).result is Result.SENT
    assert len(second.mails) == 1


def test_a_refused_letter_leaves_no_connection_behind(sink: CountingSink) -> None:
    """Begin anew after anything but an accepted letter."""
    sink.refused.add("duty@hospital.example")
    assert _send(sink, 1).result is Result.REFUSED
    sink.refused.clear()
    assert _send(sink, 2).result is Result.SENT
    assert len(set(sink.connections)) == 2


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(sink: CountingSink) -> None:
    """Leave a connection on which the server spoke once more after it had accepted a letter."""
    sink.answer = "250 kept\r\n250 and kept again"
    assert [_send(sink, number).result for number in range(3)] == [Result.SENT] * 3
    assert len(sink.mails) == len(set(sink.connections)) == 3


@pytest.mark.parametrize(
    ("answer", "result"),
    [("252 taken", Result.SENT), ("200 fine", Result.SENT), ("what?", Result.UNKNOWN), ("354 go on", Result.UNKNOWN)],
)
def test_an_odd_answer_to_the_letter_is_never_taken_for_surely_not_sent(
    sink: CountingSink, answer: str, result: Result
) -> None:
    """Repeat nothing unmarked: a positive answer is one by its first digit, and what is none may be one."""
    sink.answer = answer
    assert _send(sink, 1).result is result


class _Line:
    left = False

    def leave(self) -> None:
        self.left = True


def test_a_connection_is_closed_when_it_has_idled_aged_or_served_enough() -> None:
    """Keep none that a server would rather see gone."""
    now = [0.0]
    sessions: MailSessions[_Line] = MailSessions(clock=lambda: now[0])
    idle, old, busy = (Kept(_Line(), 0.0, letters=letters) for letters in (0, 0, LETTERS - 1))
    sessions.give("server", busy)
    assert busy.session.left
    sessions.give("server", idle)
    assert sessions.take("another server") is None
    now[0] = IDLE_S
    assert sessions.take("server") is None
    assert idle.session.left
    now[0] = AGE_S
    sessions.give("server", old)
    assert old.session.left
