"""Read from a service's log lines whether a message surely did not leave, was refused, or may have arrived. Pure.

Apprise's services catch their own errors and answer "failed" for all of them; what happened stands
in their log lines only. Where these do not settle it, the outcome is unknown: a message that may
have arrived is never reported as one that surely did not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from services.notifier.outcome import Outcome, Result

_CODE = re.compile(r"\berror\s?[=:]\s?(\d{3})\b", re.IGNORECASE)
_FAULT = re.compile(r"^[\w ]{0,40}Exception\b")
_NEVER_LEFT = (
    ("Connection refused|Errno 111|ECONNREFUSED", "connection refused"),
    ("NameResolutionError|getaddrinfo|Name or service not known|nodename nor", "name not found"),
    (r"ConnectTimeout|connect timeout|timed out\. \(connect", "no connection in time"),
    ("CERTIFICATE_VERIFY_FAILED|SSLCertVerification", "its certificate was refused"),
    ("NewConnectionError|Failed to establish|No route to host|unreachable", "no connection"),
    ("Unable to connect to proxy|ProxyError", "no connection to the proxy"),
    ("InvalidURL|MissingSchema|InvalidSchema|LocationParseError", "its address is no address"),
)
# The message itself is refused: the same one will be refused for ever.
_REFUSED_FOR_GOOD = frozenset({400, 405, 406, 411, 413, 414, 415, 422, 431})
# A gateway gave up waiting for an answer: what stands behind it may have the message.
_MAY_HAVE_ARRIVED = frozenset({408, 504, 524})


@dataclass(frozen=True)
class Line:
    """One log line of a service."""

    level: str
    text: str


def read_evidence(lines: Iterable[Line]) -> Outcome:
    """Judge a failed attempt by its log lines. The answer holds our words only: theirs may hold secrets.

    Only the lines that tell of a fault or an answer are read: others quote the message itself, and
    what an article says must not decide what became of the mail about it.
    """
    lines = list(lines)
    faults = [line.text for line in lines if line.level == "DEBUG" and _FAULT.match(line.text)]
    for fault in faults:
        for pattern, words in _NEVER_LEFT:
            # A read that timed out also names the connection.
            if re.search(pattern, fault, re.IGNORECASE) and "Read timed out" not in fault:
                return Outcome(Result.NOT_SENT, words)
    if any("timed out" in fault.lower() or "timeout" in fault.lower() for fault in faults):
        return Outcome(Result.UNKNOWN, "no answer in time; it may have arrived")
    if faults:
        return Outcome(Result.UNKNOWN, "the connection broke before an answer; it may have arrived")
    codes = [int(code) for line in lines if line.level == "WARNING" for code in _CODE.findall(line.text)]
    return read_status(codes[-1]) if codes else Outcome(Result.UNKNOWN, "it failed, and does not say how")


def read_status(code: int) -> Outcome:
    """Judge an HTTP answer that is not a success."""
    detail = f"answered {code}"
    if code in _MAY_HAVE_ARRIVED:
        return Outcome(Result.UNKNOWN, f"{detail}; it may have arrived")
    if code in _REFUSED_FOR_GOOD:
        return Outcome(Result.REFUSED, f"{detail}: it does not take this message")
    if 300 <= code < 600:
        return Outcome(Result.NOT_SENT, detail)
    return Outcome(Result.UNKNOWN, f"{detail}; it may have arrived")
