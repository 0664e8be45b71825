"""docker-compose.yml and the Dockerfile: valid, hardened, and true to this program's settings and commands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

from services.launcher.cli import COMMANDS, main
from services.launcher.commands import serve
from services.launcher.kafka.jars import read_lock
from shared.settings import CHANNEL_PREFIX, PREFIX, Settings, check_environment

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("codegrey:")}
LONG_RUNNING = sorted(OURS.keys() - {"migrate"})
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::?[-?+]([^}]*))?\}")

every_service = pytest.mark.parametrize("name", sorted(SERVICES))
each_of_ours = pytest.mark.parametrize("name", sorted(OURS))


def value(given: object, environment: dict[str, str] | None = None) -> str:
    """Put variables into a value as Compose does."""
    known = environment or {}
    return VARIABLE.sub(lambda found: known.get(found[1]) or found[2] or "", str(given)).replace("$$", "$")


def our_commands(service: dict[str, Any]) -> list[list[str]]:
    """Return each call of `codegrey` in a service's command and health check, as words."""
    calls = []
    for words in (service.get("command", []), service["healthcheck"].get("test", [])[1:]):
        parts = words[2].split("&&") if words[:2] == ["sh", "-c"] else [shlex.join(words)]
        calls += [shlex.split(part)[1:] for part in parts if shlex.split(part)[:1] == ["codegrey"]]
    return calls


def test_it_fits_the_compose_schema() -> None:
    """The schema of the Compose Specification itself accepts the file."""
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text("utf-8"))
    schema["$schema"] = "http://json-schema.org/draft-07/schema#"
    validator = Draft7Validator(schema)
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []
    broken = {**COMPOSE, "services": {"x": {**SERVICES["kafka"], "restrat": "always"}}}
    assert list(validator.iter_errors(broken)), "the schema must be one that notices a misspelt key"


@every_service
def test_each_service_is_hardened_limited_and_looked_after(name: str) -> None:
    """No writable root, no capabilities, no new privileges; limits, a restart policy and a health check."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(service[limit] for limit in ("mem_limit", "cpus", "pids_limit"))
    assert any(mount.startswith("/tmp:") for mount in service["tmpfs"])
    assert not service.get("privileged")
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert service["healthcheck"].get("test") or name == "migrate"
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), "only what is tried out is published, and on loopback"


def test_images_are_pinned_and_name_no_host() -> None:
    """Each image has a version; the broker is the one that `codegrey up` runs too."""
    built_from = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in {*built_from, *(service["image"] for service in SERVICES.values())}:
        name, _, tag = value(image).partition(":")
        assert tag
        assert tag != "latest"
        assert "." not in name.split("/")[0]
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{read_lock().kafka_version}"


def test_the_four_services_come_from_one_image_as_an_ordinary_user_and_after_the_migration() -> None:
    """Four services and the one-shot share image, user and hardening."""
    assert LONG_RUNNING == ["classifier", "ingest", "notifier", "tracker"]
    assert len({(service["image"], service["user"], str(service["build"])) for service in OURS.values()}) == 1
    assert f"USER {OURS['ingest']['user']}" in DOCKERFILE
    for name in LONG_RUNNING:
        assert OURS[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    waits = OURS["migrate"]["depends_on"]
    assert {server: wait["condition"] for server, wait in waits.items()} == {
        "kafka": "service_healthy",
        "postgres": "service_healthy",
    }


@each_of_ours
def test_every_variable_is_a_setting_and_every_value_is_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings' own check takes the environment of each service, with the defaults and without .env."""
    environment = {key: value(given) for key, given in OURS[name]["environment"].items()}
    assert all(key.startswith(PREFIX) for key in environment)
    check_environment(environment)
    for key, given in environment.items():
        monkeypatch.setenv(key, given)
    monkeypatch.setenv("CODEGREY_SECRETS_DIR", "/nowhere")
    settings = Settings()
    assert settings.kafka_bootstrap == "kafka:9092"
    assert name in settings.http_allowed_hosts or name == "migrate"


def test_every_variable_that_the_environment_may_set_is_a_setting_or_the_version() -> None:
    """What docs/compose.md lets a person write into .env is named like the settings."""
    names = {found[1] for found in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text("utf-8"))}
    settings = {PREFIX + name.upper() for name in Settings.model_fields}
    assert names - settings == {"CODEGREY_VERSION"}


@each_of_ours
def test_every_command_and_health_check_exists(name: str) -> None:
    """Each word that is said to `codegrey` is one that its command line knows."""
    calls = our_commands(OURS[name])
    assert calls
    for words in calls:
        assert words[0] in COMMANDS
        command: click.Command | None = main
        context = click.Context(main)
        for word in words:
            if isinstance(command, click.Group):
                command = command.get_command(context, word)
                assert command is not None, words
        if command is serve:
            kind = serve.params[0].type
            assert isinstance(kind, click.Choice)
            assert words[1] in kind.choices
    if name != "migrate":
        assert OURS[name]["command"] == ["codegrey", "serve", name]
        assert OURS[name]["healthcheck"]["test"] == ["CMD", "codegrey", "health"]


def test_every_secret_is_defined_and_named_like_its_setting() -> None:
    """A file under /run/secrets is found by the settings only under its setting's name."""
    secret_settings = {
        (PREFIX + name).lower() for name, info in Settings.model_fields.items() if "SecretStr" in str(info.annotation)
    }
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
    for service in OURS.values():
        for secret in service["secrets"]:
            assert secret in secret_settings or secret.startswith(CHANNEL_PREFIX.lower())
    keepers = {name for name, service in OURS.items() if "codegrey_database_url" in service["secrets"]}
    assert keepers == {"migrate", "ingest", "tracker", "notifier"}, "the classifier keeps nothing"


def test_no_secret_stands_in_an_environment() -> None:
    """Passwords come from files: an environment is shown by many commands."""
    for service in SERVICES.values():
        for key, given in service.get("environment", {}).items():
            if "PASSWORD" in key and not key.endswith("_FILE"):
                pytest.fail(f"{key} in an environment")
            assert "password=" not in value(given) or "${codegrey_kafka_password}" in value(given)


def test_the_image_copies_only_what_is_sent_to_the_builder_and_checks_hashes() -> None:
    """.dockerignore shuts everything out and names what comes in again."""
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert "*" in ignored
    assert {path.split("/")[0] for path in copied} <= allowed
    assert all((ROOT / path).exists() for path in copied)
    assert "--require-hashes" in DOCKERFILE
    assert "--only-binary :all:" in DOCKERFILE
