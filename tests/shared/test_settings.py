"""Settings: what is read from where, and how a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import ConfigError
from shared.settings import Settings, load_settings, settings_table


def test_a_misspelt_variable_is_refused_with_its_name_and_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo must never be taken for "not set"."""
    monkeypatch.setenv("CODEGREY_KAFKA_BOOTSTRP", "kafka:9092")
    with pytest.raises(ConfigError, match=r"CODEGREY_KAFKA_BOOTSTRP.*did you mean CODEGREY_KAFKA_BOOTSTRAP"):
        load_settings()


def test_a_wrong_value_is_told_by_name_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value may be a secret in the wrong place."""
    monkeypatch.setenv("CODEGREY_SMTP_PORT", "hunter2")
    with pytest.raises(ConfigError, match="CODEGREY_SMTP_PORT") as error:
        load_settings()
    assert "hunter2" not in str(error.value)


def test_secrets_are_read_from_files_and_never_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file named like the variable in lower case holds the secret."""
    (tmp_path / "codegrey_kafka_password").write_text("from-a-file\n")
    (tmp_path / "codegrey_channel_team_chat").write_text("json://chat.example/hook\n")
    monkeypatch.setenv("CODEGREY_SECRETS_DIR", str(tmp_path))
    settings = load_settings()
    assert settings.kafka_password.get_secret_value() == "from-a-file"
    assert settings.channel_secret("team-chat").get_secret_value() == "json://chat.example/hook"
    assert "from-a-file" not in repr(settings)


def test_a_channel_without_a_secret_says_where_to_put_it() -> None:
    """The message names the variable and the file."""
    with pytest.raises(
        ConfigError, match=r"set CODEGREY_CHANNEL_TEAM_CHAT or write it to .*codegrey_channel_team_chat"
    ):
        Settings().channel_secret("team-chat")


def test_a_running_instance_lends_its_endpoints_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`codegrey status` in another terminal finds the servers that `codegrey up` started."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "endpoints.json").write_text(
        '{"environment": {"CODEGREY_KAFKA_BOOTSTRAP": "127.0.0.1:1", "CODEGREY_KAFKA_USERNAME": "own"}}'
    )
    monkeypatch.setenv("CODEGREY_DATA", str(tmp_path))
    monkeypatch.setenv("CODEGREY_KAFKA_USERNAME", "mine")
    settings = load_settings()
    assert (settings.kafka_bootstrap, settings.kafka_username) == ("127.0.0.1:1", "mine")


def test_every_setting_is_described_and_stands_in_the_documentation() -> None:
    """`docs/settings.md` lists every variable with its default."""
    documented = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")
    for variable, _default, description in settings_table():
        assert description, f"{variable} has no description"
        assert f"`{variable}`" in documented, f"{variable} is missing in docs/settings.md: run `make settings-doc`"
        assert description in documented
