"""`codegrey doctor` finds what is wrong and says what to do, with and without running servers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from services.launcher.cli import main
from services.launcher.diagnose import examine
from services.launcher.diagnose.examine import Finding
from services.launcher.topics import create_topics
from shared.kafka import admin
from shared.settings import Settings
from tests.ingest.feed_server import Answer, feed_server, item, rss
from tests.notifier.notifier_sinks import mail_sink
from tests.waiting import wait_until

SUBSCRIPTIONS = """\
channels:
  duty-mail: {kind: email, to: duty@hospital.example}
  siem: {kind: webhook}
subscriptions:
  - {name: everything, channels: [duty-mail, siem]}
operators: {channels: [duty-mail]}
"""


def _settings(folder: Path, **changes: object) -> Settings:
    config = folder / "config"
    config.mkdir(exist_ok=True)
    (config / "subscriptions.yaml").write_text(SUBSCRIPTIONS, "utf-8")
    (config / "feeds.yaml").write_text("contact: ops@hospital.example\nfeeds: []\n", "utf-8")
    return Settings(data=folder / "data", config=config, secrets_dir=folder / "secrets", **changes)  # type: ignore[arg-type]


def _named(found: Sequence[Finding], check: str) -> Finding:
    (one,) = [one for one in found if one.check == check]
    return one


async def _all(settings: Settings) -> list[Finding]:
    configured, found = examine.read_configuration(settings)
    for name, look in examine.looks(settings, configured):
        found += await examine.looked(name, look)
    return found


async def test_a_machine_where_nothing_runs_is_no_fault_but_what_is_missing_is(tmp_path: Path) -> None:
    """Tell what cannot be looked at from what is wrong."""
    found = await _all(_settings(tmp_path))
    assert {_named(found, check).state for check in ("services", "Kafka", "database")} == {"unseen"}
    assert _named(found, "disk").state == "fine"
    assert "CODEGREY_SMTP_HOST" in _named(found, "mail").said + _named(found, "mail").advice
    assert "CODEGREY_CHANNEL_SIEM" in _named(found, "channel siem").said
    assert all(one.advice for one in found if one.state != "fine" and one.check != "DNS")


async def test_a_broken_file_is_named_with_its_line_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    """Stop at nothing."""
    settings = _settings(tmp_path)
    (settings.config / "subscriptions.yaml").write_text("subscriptions:\n  - {nam: x}\n", "utf-8")
    found = await _all(settings)
    broken = _named(found, "subscriptions.yaml")
    assert broken.state == "wrong"
    assert "subscriptions.yaml:2" in broken.said
    assert _named(found, "feeds.yaml").state == "odd"
    assert _named(found, "disk").state == "fine"


async def test_the_mail_server_is_logged_in_to_and_gets_no_mail(tmp_path: Path) -> None:
    """Connect to a real server; then to a port where none listens."""
    with mail_sink() as sink:
        settings = sink.settings(_settings(tmp_path))
        good = _named(await _all(settings), "mail")
        asked = settings.model_copy(update={"smtp_username": "codegrey", "smtp_password": SecretStr("s3cret")})
        refused = _named(await _all(asked), "mail")
    assert good.state == "fine"
    assert not sink.mails
    assert refused.state == "wrong"
    assert "s3cret" not in refused.said + refused.advice
    gone = _named(await _all(settings), "mail")
    assert gone.state == "wrong"
    assert "CODEGREY_SMTP_HOST" in gone.advice


async def test_a_full_disk_and_unknown_hosts_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Say how much is free, and which host is mistyped."""
    monkeypatch.setattr(examine, "free_space", lambda _folder: 500_000_000)
    settings = _settings(tmp_path)
    (settings.config / "feeds.yaml").write_text(
        "feeds:\n  - https://nowhere.invalid/feed\n  - http://localhost/feed\n", "utf-8"
    )
    found = await _all(settings)
    assert "500 MB" in _named(found, "disk").said
    assert "nowhere.invalid" in _named(found, "DNS").said
    assert "localhost" not in _named(found, "DNS").said


async def test_each_feed_is_fetched_once(tmp_path: Path) -> None:
    """Tell the feed that answers from the one that is gone."""
    async with feed_server() as server:
        server.answers |= {"/good": Answer(rss(item("one"), item("two"))), "/gone": Answer(status=410)}
        settings = _settings(tmp_path)
        lines = [f"  - {{url: '{server.url(path)}', allow_private: true}}" for path in ("/good", "/gone")]
        (settings.config / "feeds.yaml").write_text("\n".join(["feeds:", *lines]), "utf-8")
        configured, _ = examine.read_configuration(settings)
        found = [one async for one in examine.feeds(settings, configured)]
        assert [one.state for one in found] == ["fine", "wrong"]
        assert server.times("/good") == 1
    assert "410" in found[1].said


def test_the_command_prints_json_and_ends_with_1_where_something_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data on standard output, the sum on standard error."""
    settings = _settings(tmp_path)
    monkeypatch.setenv("CODEGREY_CONFIG", str(settings.config))
    monkeypatch.setenv("CODEGREY_DATA", str(settings.data))
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == 1
    assert {"check", "state", "said", "advice"} == set(json.loads(result.stdout)[0])
    assert "wrong" in result.stderr
    said = CliRunner().invoke(main, ["doctor", "--no-feeds"]).stdout
    assert "✗ mail: no mail server is named" in said


@pytest.mark.servers
async def test_running_servers_are_looked_at(settings: Settings, topics: Settings, tmp_path: Path) -> None:
    """See topics that are missing or differ, a database that is not migrated, and the clock."""
    mine = _settings(tmp_path, **{name: getattr(settings, name) for name in settings.model_fields_set})
    await create_topics(topics)
    found = await _all(mine)
    assert _named(found, "Kafka").state == _named(found, "database").state == _named(found, "clock").state == "fine"
    async with admin(topics) as client:
        await client.delete_topics(["codegrey.reports"])

        async def gone() -> bool:
            return "codegrey.reports" not in await client.list_topics()

        await wait_until(gone, what="the broker to forget the topic")
    elsewhere = mine.model_copy(
        update={"database_url": SecretStr(settings.database_url.get_secret_value().rsplit("/", 1)[0] + "/codegrey_no")}
    )
    found = await _all(elsewhere)
    await create_topics(topics)
    assert "codegrey.reports" in _named(found, "topics").said
    assert "topics create" in _named(found, "topics").advice
    assert _named(found, "database and clock").state == "wrong"
