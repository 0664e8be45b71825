"""Build the mail of one delivery, and look at it once more before it is sent. Pure."""

from __future__ import annotations

from binascii import b2a_qp
from collections import Counter
from datetime import datetime
from email import policy
from email.errors import MultipartInvariantViolationDefect
from email.header import Header
from email.message import Message as Part
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.parser import BytesHeaderParser
from email.utils import format_datetime, formataddr, getaddresses

from services.notifier.message import Message
from services.notifier.neutral import subject
from services.notifier.render_html import render_html
from services.notifier.render_text import render_text
from shared.errors import Permanent

_POLICY = policy.compat32.clone(linesep="\r\n")
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
    repeat = "(may be a repeat) " if possible_repeat else ""
    headers = {
        "Subject": subject(repeat + message.subject),
        "From": formataddr(("Code Grey", sender)),
        "To": to,
        "Date": format_datetime(sent_at),
        "Message-ID": f"<{delivery_id}@{domain}>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Code-Grey-Delivery": delivery_id,
    }
    if message.incident_id:
        headers["References"] = f"<incident-{message.incident_id}@{domain}>"
        headers["X-Code-Grey-Incident"] = message.incident_id
    if message.level:
        headers["X-Code-Grey-Level"] = str(message.level)
    if possible_repeat:
        headers["X-Code-Grey-Possible-Repeat"] = "yes"
    if message.level >= 4 and not message.ended and message.kind in {"opening", "update", "fold"}:
        headers |= {"Importance": "high", "X-Priority": "1"}
    # The older classes of `email`: the newer ones parse each header that they are given, in 3 ms a mail.
    mail = MIMEMultipart("alternative", policy=_POLICY)
    for name, value in headers.items():
        mail[name] = _header(name, value)
    mail.attach(_text("plain", render_text(message, possible_repeat=possible_repeat)))
    mail.attach(_text("html", render_html(message, possible_repeat=possible_repeat)))
    data = mail.as_bytes()
    check_letter(data, to=to)
    return data


def _header(name: str, value: str) -> str:
    """Encode a header's value; raises Permanent where it would begin another header."""
    if "\r" in value or "\n" in value:
        raise Permanent(f"the {name} of the mail holds a line break")
    return value if value.isascii() else Header(value, "utf-8", header_name=name).encode(linesep="\r\n")


def _text(kind: str, content: str) -> Part:
    part = MIMENonMultipart("text", kind, charset="utf-8", policy=_POLICY)
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(b2a_qp(content.encode(), istext=True).decode("ascii"))
    return part


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
