"""Write `docs/settings.md` from the settings themselves: `make settings-doc`."""

from __future__ import annotations

import sys

from shared.settings import settings_table

HEAD = """# Settings

Every setting comes from the environment. A value may also stand in a secret file: a file in
`CODEGREY_SECRETS_DIR` that is named like the variable, in lower case (`codegrey_kafka_password`).
The environment wins over files, and both over what a running `codegrey up` offers to other commands.
A variable that begins with `CODEGREY_` and is no setting is refused by name, so that a typo is
never taken for "not set". Secrets are never logged or shown.

A channel's secret address (an Apprise URL) is `CODEGREY_CHANNEL_<NAME>`, or the file
`codegrey_channel_<name>`: the channel's name with every character that is no letter or digit as `_`.

| variable | default | what it is |
|---|---|---|
"""


def settings_document() -> str:
    """Return the page; it is generated, so that it cannot lag behind the code."""
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" for name, default, text in settings_table()]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(settings_document())
