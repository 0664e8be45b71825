"""The errors of Code Grey: one tree, and each says whether trying again can help.

CodeGreyError
├── ConfigError   a setting or a configuration file is wrong; a person must mend it
├── Permanent     this message or delivery can never succeed: dead letter, never retried
└── Transient     the world is not ready (server down, time-out): back off and try again
"""

from __future__ import annotations


class CodeGreyError(Exception):
    """Tell what went wrong, with which thing, and what to do about it."""


class ConfigError(CodeGreyError):
    """Name the key or line of a configuration that is wrong, and how to mend it."""


class Permanent(CodeGreyError):  # noqa: N818 - reads as the answer to "retry?"
    """Refuse one message or delivery for good."""


class Transient(CodeGreyError):  # noqa: N818 - reads as the answer to "retry?"
    """Report a fault that may pass."""
