"""Settings that come from the environment, from secret files, or from a running `codegrey up`.

Order, first found wins: environment variables, files in the secrets folder
(`CODEGREY_SECRETS_DIR`, `/run/secrets` by default; a file is named like its variable, in
lower case), the endpoints that a running `codegrey up` wrote into its data folder, defaults.
Each setting is described in `docs/settings.md`, which is generated from this file.
"""

from __future__ import annotations

import difflib
import json
import os
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from shared.errors import ConfigError

PREFIX = "CODEGREY_"
CHANNEL_PREFIX = "CODEGREY_CHANNEL_"
DEFAULT_SECRETS = Path("/run/secrets")


class Settings(BaseSettings):
    """Everything a service needs to know about the machine it runs on."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True, env_ignore_empty=True
    )

    data: Path = Field(Path(".codegrey"), description="Folder of everything that `codegrey up` keeps.")
    config: Path = Field(Path("config"), description="Folder with feeds.yaml and subscriptions.yaml.")
    secrets_dir: Path = Field(DEFAULT_SECRETS, description="Folder whose files hold secrets.")

    kafka_bootstrap: str = Field("", description="Kafka's bootstrap servers: host:port, comma-separated.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to speak to Kafka."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="How to log in to Kafka, where the protocol is SASL."
    )
    kafka_username: str = Field("", description="Kafka user.")
    kafka_password: SecretStr = Field(SecretStr(""), description="Kafka password.")
    kafka_ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed Kafka's certificate; the system's if empty."
    )
    kafka_replication: int = Field(
        1, ge=1, le=7, description="Replicas of each topic that `codegrey topics create` makes."
    )

    database_url: SecretStr = Field(
        SecretStr(""), description="PostgreSQL address: postgresql+asyncpg://user:password@host:5432/codegrey"
    )

    http_host: str = Field("127.0.0.1", description="Address on which health and metrics are served.")
    http_port: int = Field(0, ge=0, le=65535, description="Port of health and metrics; 0 takes a free one.")
    http_allowed_hosts: str = Field(
        "localhost,127.0.0.1,[::1]", description="Host headers that are answered, comma-separated; * for any."
    )

    smtp_host: str = Field("", description="Mail server; email channels need it.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field("starttls", description="Encryption of mail.")
    smtp_username: str = Field("", description="User of the mail server, where it asks for one.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password of the mail server.")
    smtp_from: str = Field("", description="Sender of the alerts, for example codegrey@hospital.example.")

    judge_endpoint_url: str = Field(
        "",
        description="OpenAI-compatible endpoint that is asked about borderline items, such as "
        "https://models.example/v1; none if empty.",
    )
    judge_endpoint_model: str = Field("", description="Model that the endpoint is asked for.")
    judge_endpoint_key: SecretStr = Field(SecretStr(""), description="The endpoint's key, where it asks for one.")
    judge_endpoint_seconds: float = Field(
        1.2, ge=0.1, le=1.5, description="Seconds that an answer may take; a whole batch has less than two."
    )
    judge_endpoint_low: float = Field(
        0.3, ge=0.06, le=1, description="Least confidence of an attack that counts as borderline."
    )
    judge_endpoint_high: float = Field(
        0.7, ge=0.06, le=1, description="Greatest confidence of an attack that counts as borderline."
    )
    judge_endpoint_per_minute: int = Field(30, ge=0, le=6_000, description="Most questions to the endpoint a minute.")
    judge_endpoint_options: dict[str, Any] = Field(
        {"temperature": 0}, description="Further parameters of each question, as JSON; {} where the model takes none."
    )

    keep_news_days: int = Field(
        365,
        ge=0,
        description="Days that ingest keeps entries, once their feed has brought 2,000 newer ones; 0: for ever.",
    )
    keep_decisions_days: int = Field(
        365, ge=0, description="Days that the notifier keeps its decisions and ended deliveries; 0: for ever."
    )
    keep_outbox_days: int = Field(7, ge=1, description="Days that messages stay in an outbox once Kafka has them.")

    canary_every_s: int = Field(
        900, ge=0, le=86_400, description="Seconds between two canaries, items that prove the whole road; 0 sends none."
    )
    canary_ping_url: SecretStr = Field(
        SecretStr(""), description="Address to tell of each canary that arrived: a dead man's switch outside."
    )
    canary_ping_method: Literal["GET", "POST"] = Field("POST", description="How that address is asked.")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    instance: str = Field("", description="Name of this replica, for static group membership (unique!).")

    supervised: bool = Field(False, description="Set by `codegrey up` for the processes it starts.")
    slot: str = Field("", description="Set by `codegrey up`: the one place of a service in its group.")
    pause_file: Path | None = Field(None, description="Set by `codegrey up`: taking in pauses while it exists.")
    crash_file: Path | None = Field(None, description="For `make chaos` only: names the point to die at.")
    private_feeds: str = Field(
        "",
        description="Networks (CIDR, comma-separated) of internal feeds that may be read although private.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment, then secret files, then a running `codegrey up`."""
        secrets = Path(os.environ.get(PREFIX + "SECRETS_DIR", DEFAULT_SECRETS))
        sources: list[PydanticBaseSettingsSource] = [init_settings, env_settings]
        if secrets.is_dir():
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=secrets))
        given = init_settings() if callable(init_settings) else {}
        data = Path(str(given.get("data") or os.environ.get(PREFIX + "DATA") or ".codegrey"))
        sources.append(InitSettingsSource(settings_cls, init_kwargs=_running_endpoints(data)))
        return tuple(sources)

    def channel_secret(self, name: str) -> SecretStr:
        """Return the secret of channel `name` from CODEGREY_CHANNEL_<NAME> or its secret file."""
        variable = CHANNEL_PREFIX + "".join(c if c.isalnum() else "_" for c in name).upper()
        value = os.environ.get(variable, "")
        if not value:
            file = self.secrets_dir / variable.lower()
            value = file.read_text("utf-8").strip() if file.is_file() else ""
        if not value:
            raise ConfigError(
                f"channel {name!r} has no secret: set {variable} or write it to {self.secrets_dir / variable.lower()}"
            )
        return SecretStr(value)


def endpoints_file(data: Path) -> Path:
    """Where a running `codegrey up` tells other commands how to reach its servers."""
    return data / "run" / "endpoints.json"


def read_endpoints(data: Path) -> dict[str, Any]:
    """Read what a running `codegrey up` wrote, or nothing where none runs."""
    try:
        document = json.loads(endpoints_file(data).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _running_endpoints(data: Path) -> dict[str, Any]:
    environment = read_endpoints(data).get("environment", {})
    return {name.removeprefix(PREFIX).lower(): value for name, value in environment.items()}


def check_environment(environment: dict[str, str]) -> None:
    """Refuse a CODEGREY_ variable that is no setting, naming it and the nearest that is."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name.startswith(CHANNEL_PREFIX) or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; see docs/settings.md for those there are"
        raise ConfigError(f"unknown setting {name} in the environment{hint}")


def load_settings(**overrides: Any) -> Settings:
    """Read and check all settings; raises ConfigError with the variable's name, never its value."""
    check_environment(dict(os.environ))
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = "; ".join(
            f"{PREFIX}{'_'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise ConfigError(f"wrong settings: {problems}") from None


@cache
def settings_table() -> list[tuple[str, str, str]]:
    """List (variable, default, description) of each setting, for the documentation."""
    rows = []
    for name, info in Settings.model_fields.items():
        default = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
        shown = json.dumps(default) if isinstance(default, dict) else "" if default is None else str(default)
        rows.append((PREFIX + name.upper(), shown, info.description or ""))
    return rows
