"""Who we say we are to publishers: honestly, with a contact where one is configured."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def user_agent(contact: str = "") -> str:
    """Return the User-Agent header."""
    try:
        number = version("codegrey")
    except PackageNotFoundError:  # run from a checkout that is not installed
        number = "0"
    return f"CodeGrey/{number} (feed reader; hospital news alerts{f'; {contact}' if contact else ''})"
