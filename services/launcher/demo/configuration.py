"""Write the demo's configuration folder: the same files that a person writes for the real thing."""

from __future__ import annotations

from pathlib import Path

from services.launcher.demo.samples import outlets

SENDER = "codegrey@demo.example"
SUBSCRIPTIONS = """\
# Written by `codegrey up --demo`; the same keys work in your own config/subscriptions.yaml.
channels:
  duty-mail: {kind: email, to: duty@hospital-watch.example}
  analyst-mail: {kind: email, to: analysts@hospital-watch.example}
  ops-mail: {kind: email, to: operators@hospital-watch.example}
  team-chat: {kind: chat}
  records: {kind: webhook}

subscriptions:
  - name: duty-team            # woken when care is hit, anywhere
    channels: [duty-mail, team-chat]
    minimum_level: 3
    watch: [Meridia Pathology]
  - name: analysts             # want to know of everything
    channels: [analyst-mail, records]
    minimum_level: 1
    outages: 3

operators: {channels: [ops-mail]}
"""


def write_configuration(folder: Path, address: str) -> None:
    """Write feeds.yaml and subscriptions.yaml; `address` is where the demo's site is, without a last slash."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = ["# Written by `codegrey up --demo`; the same keys work in your own config/feeds.yaml.", "feeds:"]
    for outlet in outlets():
        lines += [
            f"  - url: {address}/{outlet.key}/feed.xml",
            f'    name: "{outlet.name}"',
            "    interval: 5s",
            f"    language: {outlet.language}",
        ]
        if outlet.country:
            lines.append(f"    country: {outlet.country}")
    (folder / "feeds.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "subscriptions.yaml").write_text(SUBSCRIPTIONS, "utf-8")


def environment(smtp_port: int, webhook_port: int, token: str) -> dict[str, str]:
    """Return the settings by which the services reach the sinks."""
    return {
        "CODEGREY_SMTP_HOST": "127.0.0.1",
        "CODEGREY_SMTP_PORT": str(smtp_port),
        "CODEGREY_SMTP_SECURITY": "none",
        "CODEGREY_SMTP_FROM": SENDER,
        "CODEGREY_PRIVATE_FEEDS": "127.0.0.0/8",
        # What the demo counts is what it shows.
        "CODEGREY_CANARY_EVERY_S": "0",
        # A Mattermost address, as Apprise writes it, and an ordinary one.
        "CODEGREY_CHANNEL_TEAM_CHAT": f"mmost://127.0.0.1:{webhook_port}/team-chat/{token}",
        "CODEGREY_CHANNEL_RECORDS": f"http://127.0.0.1:{webhook_port}/records/{token}",
    }
