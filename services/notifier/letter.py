"""Build the mail of one delivery, and look at it once more before it is sent. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from email import policy
from email.errors import MultipartInvariantViolationDefect
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import format_datetime, getaddresses

from services.notifier.message import Message
from services.notifier.neutral import subject
from services.notifier.render_html import render_html
from services.notifier.render_text import render_text
from shared.errors import Permanent

_HEADERS = frozenset(
    {
        "subject",
        "from",
        "to",
        "date",
        "message-id",
        "references",
        "auto-submitted",
        "x-auto-response-suppress",
        "x-code-grey-delivery",
        "x-code-grey-incident",
        "x-code-grey-level",
        "x-code-grey-possible-repeat",
        "importance",
        "x-priority",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    }
)


def build_letter(
    message: Message,
    *,
    delivery_id: str,
    sender: str,
    to: str,
    sent_at: datetime,
    possible_repeat: bool = False,
) -> bytes:
    """Write the mail as bytes: text and HTML, as alternatives.

    The Message-ID is made of the delivery, so that a repeat carries the same one and a mailbox
    that knows it already may drop it; messages on one incident stand in one thread.
    """
    domain = sender.rpartition("@")[2] or "localhost"
    mail = EmailMessage(policy=policy.SMTP)
    repeat = "(may be a repeat) " if possible_repeat else ""
    mail["Subject"] = subject(repeat + message.subject)
    mail["From"] = Address("Code Grey", addr_spec=sender)
    mail["To"] = Address(addr_spec=to)
    mail["Date"] = format_datetime(sent_at)
    mail["Message-ID"] = f"<{delivery_id}@{domain}>"
    if message.incident_id:
        mail["References"] = f"<incident-{message.incident_id}@{domain}>"
        mail["X-Code-Grey-Incident"] = message.incident_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Code-Grey-Delivery"] = delivery_id
    if message.level:
        mail["X-Code-Grey-Level"] = str(message.level)
    if possible_repeat:
        mail["X-Code-Grey-Possible-Repeat"] = "yes"
    if message.level >= 4 and not message.ended and message.kind in {"opening", "update", "fold"}:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    mail.set_content(render_text(message, possible_repeat=possible_repeat), cte="quoted-printable")
    mail.add_alternative(render_html(message, possible_repeat=possible_repeat), subtype="html", cte="quoted-printable")
    data = mail.as_bytes()
    check_letter(data, to=to)
    return data


def check_letter(data: bytes, *, to: str) -> None:
    """Read the finished mail as a server would; raises Permanent where it holds more than we wrote.

    The last line of defence against text that turns into headers.
    """
    read = BytesHeaderParser(policy=policy.compat32).parsebytes(data)
    names = Counter(name.lower() for name in read.keys())  # noqa: SIM118 - a mail has repeated keys
    strange = sorted(set(names) - _HEADERS) + sorted(name for name, count in names.items() if count > 1)
    # Python before 3.11.4 notes this one for every multipart mail of which only the headers are read.
    defects = [defect for defect in read.defects if not isinstance(defect, MultipartInvariantViolationDefect)]
    if strange or defects:
        raise Permanent(f"the finished mail holds headers that nobody wrote: {', '.join(strange)[:200]}")
    if [address for _, address in getaddresses([str(read["to"])])] != [to]:
        raise Permanent("the finished mail is addressed to somebody else")
    if read.get_content_type() != "multipart/alternative":
        raise Permanent("the finished mail is not what was written")
