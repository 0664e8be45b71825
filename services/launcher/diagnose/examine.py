"""What `codegrey doctor` looks at: each look says what it found and, where that is not well, what to do.

A look never raises: what keeps it from looking is a finding too.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from services.ingest.sources.feeds_file import FeedsFile, load_feeds
from services.launcher.disk import PAUSE_BYTES, free_space, refuse_to_start, shown
from services.launcher.topics import compare_topics
from services.notifier.certificates import Certificates
from services.notifier.config import Subscriptions, read_subscriptions, targets
from services.notifier.send import log_in_to_mail, try_out
from shared.clock import database_offset, disagreement
from shared.database import SCHEMAS, applied, head, open_engine
from shared.errors import CodeGreyError, ConfigError
from shared.settings import Settings, read_endpoints

State = Literal["fine", "odd", "wrong", "unseen"]
RESOLVE_S = 10.0


@dataclass(frozen=True)
class Finding:
    """What one look found. `unseen`: it could not be looked at, which may be well."""

    check: str
    state: State
    said: str
    advice: str = ""


Look = Callable[[], Awaitable[list[Finding]]]


@dataclass(frozen=True)
class Configured:
    """The two files, where they can be read."""

    feeds: FeedsFile | None
    subscriptions: Subscriptions | None


def read_configuration(settings: Settings) -> tuple[Configured, list[Finding]]:
    """Read both files, and build all that sending needs."""
    found: list[Finding] = []
    feeds: FeedsFile | None = None
    subscriptions: Subscriptions | None = None
    try:
        feeds = load_feeds(settings)
        state: State = "fine" if feeds.feeds or feeds.push else "odd"
        advice = "" if state == "fine" else "Nothing is read: `codegrey feeds add URL`, or see docs/feeds.md."
        found.append(Finding("feeds.yaml", state, f"{len(feeds.feeds)} feeds", advice))
        if feeds.feeds and not feeds.contact:
            advice = "Write `contact:` into feeds.yaml: a page or address that publishers may turn to."
            found.append(Finding("feeds.yaml", "odd", "publishers cannot see whom to ask about our requests", advice))
    except ConfigError as error:
        found.append(
            Finding("feeds.yaml", "wrong", str(error), "Mend the file; docs/feeds.md says what may stand in it.")
        )
    try:
        subscriptions = read_subscriptions(settings)
        found += _subscriptions(subscriptions, settings)
    except ConfigError as error:
        found.append(
            Finding("subscriptions.yaml", "wrong", str(error), "Mend the file: nobody can be told before that.")
        )
    return Configured(feeds, subscriptions), found


def _subscriptions(config: Subscriptions, settings: Settings) -> list[Finding]:
    found = [Finding("subscriptions.yaml", "fine", f"{len(config.subscriptions)} subscriptions")]
    if not config.subscriptions:
        found = [Finding("subscriptions.yaml", "odd", "nobody has subscribed", "Alerts reach nobody: see the README.")]
    if config.operators is None:
        advice = "Write `operators:` with a channel into subscriptions.yaml."
        found.append(Finding("operators", "wrong", "nobody is told when something is wrong here", advice))
    wanted = {channel for one in config.subscriptions for channel in one.channels}
    wanted |= set(config.operators.channels) if config.operators else set()
    for channel in sorted(wanted):
        try:
            for target in targets(config, (channel,)):
                try_out(target, settings)
            found.append(Finding(f"channel {channel}", "fine", "has all that it needs (nothing was sent)"))
        except ConfigError as error:
            advice = "Then try it with `codegrey subscriptions test NAME`."
            found.append(Finding(f"channel {channel}", "wrong", str(error), advice))
    return found


def looks(settings: Settings, configured: Configured) -> list[tuple[str, Look]]:
    """List the looks that do not fetch feeds, with what each looks at."""
    config = configured.subscriptions or Subscriptions()
    mails = any(channel.kind == "email" for channel in config.channels.values())
    listed: list[tuple[str, Look]] = [
        ("disk", lambda: _disk(settings)),
        ("services", lambda: _services(settings)),
        ("Kafka", lambda: _kafka(settings)),
        ("database and clock", lambda: _database(settings)),
        ("DNS", lambda: _names(settings, configured)),
        ("certificates", lambda: _certificates(settings, config)),
    ]
    return [*listed, ("mail", lambda: _mail(settings))] if mails else listed


async def _disk(settings: Settings) -> list[Finding]:
    folder = next(part for part in (settings.data.absolute(), *settings.data.absolute().parents) if part.exists())
    free = free_space(folder)
    if refusal := refuse_to_start(free, folder):
        return [Finding("disk", "wrong", refusal, "Make room; `codegrey up` will not start before.")]
    if free < PAUSE_BYTES:
        advice = f"Taking in news pauses below {shown(PAUSE_BYTES)}: make room, or set CODEGREY_KEEP_NEWS_DAYS lower."
        return [Finding("disk", "wrong", f"{shown(free)} free where {settings.data} stands", advice)]
    return [Finding("disk", "fine", f"{shown(free)} free where {settings.data} stands")]


async def _services(settings: Settings) -> list[Finding]:
    """Ask each service that `codegrey up` runs whether it is ready, on the port that it took."""
    import httpx2

    ports: dict[str, int] = read_endpoints(settings.data).get("services", {})
    if not ports:
        advice = "If it should: `codegrey up`, or `codegrey service install`."
        return [Finding("services", "unseen", f"no `codegrey up` runs on {settings.data}", advice)]
    found = []
    async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
        for name, port in sorted(ports.items()):
            try:
                answer = await client.get(f"http://127.0.0.1:{port}/ready")
                ready = answer.status_code == 200
                said = "ready" if ready else answer.text.strip()[:400]
            except httpx2.HTTPError as fault:
                ready, said = False, f"does not answer on port {port} ({type(fault).__name__})"
            advice = "" if ready else f"See {settings.data / 'logs'} and docs/operating.md, by symptom."
            found.append(Finding(name, "fine" if ready else "wrong", said, advice))
    return found


async def _kafka(settings: Settings) -> list[Finding]:
    if not settings.kafka_bootstrap:
        return [Finding("Kafka", "unseen", "none is named and none runs", "`codegrey up` starts one.")]
    states = await compare_topics(settings)
    missing = [state.name for state in states if state.outcome == "missing"]
    odd = [f"{state.name}: {difference}" for state in states for difference in state.differences]
    found = [Finding("Kafka", "fine", f"answers at {settings.kafka_bootstrap}; {len(states) - len(missing)} topics")]
    if missing:
        found.append(Finding("topics", "wrong", f"missing: {', '.join(missing)}", "Run `codegrey topics create`."))
    if odd:
        advice = "Settings of existing topics are yours to change; docs/operating.md says what they are for."
        found.append(Finding("topics", "odd", "; ".join(odd), advice))
    return found


async def _database(settings: Settings) -> list[Finding]:
    if not settings.database_url.get_secret_value():
        return [Finding("database", "unseen", "none is named and none runs", "`codegrey up` starts one.")]
    engine = open_engine(settings)
    try:
        offset = await database_offset(engine)
        behind = [name for name in SCHEMAS if await applied(engine, name) != head(name)]
    finally:
        await engine.dispose()
    found = [Finding("database", "fine", "answers, and is at this program's version")]
    if behind:
        said = f"is not at this program's version: {', '.join(behind)}"
        found = [Finding("database", "wrong", said, "Run `codegrey migrate`.")]
    trouble = disagreement(socket.gethostname(), "the database", offset)
    if trouble:
        return [*found, Finding("clock", "wrong", trouble.title, trouble.advice)]
    return [*found, Finding("clock", "fine", f"{abs(offset):.1f} s from the database's")]


async def _names(settings: Settings, configured: Configured) -> list[Finding]:
    """Look up every host that is configured: one that has no address, or a machine that finds none."""
    hosts = {urlsplit(feed.url).hostname or "" for feed in configured.feeds.feeds} if configured.feeds else set()
    hosts |= {settings.smtp_host} | {one.rpartition(":")[0].strip("[] ") for one in settings.kafka_bootstrap.split(",")}
    hosts = {host for host in hosts if host and any(letter.isalpha() for letter in host)}
    if not hosts:
        return [Finding("DNS", "unseen", "no host names are configured")]
    slots = asyncio.Semaphore(16)

    async def unknown(host: str) -> str | None:
        async with slots:
            try:
                async with asyncio.timeout(RESOLVE_S):
                    await asyncio.get_running_loop().getaddrinfo(host, None)
            except (OSError, TimeoutError, UnicodeError):
                return host
            return None

    lost = sorted(host for host in await asyncio.gather(*map(unknown, hosts)) if host)
    if len(lost) == len(hosts) > 1:
        advice = "This machine cannot look up names: see its network and /etc/resolv.conf."
        return [Finding("DNS", "wrong", f"none of {len(hosts)} host names has an address", advice)]
    if lost:
        shown_hosts = ", ".join(lost[:10]) + (f" and {len(lost) - 10} more" if len(lost) > 10 else "")
        return [Finding("DNS", "wrong", f"no address for {shown_hosts}", "Mistyped, or gone: see feeds.yaml.")]
    return [Finding("DNS", "fine", f"all {len(hosts)} host names have an address")]


async def _certificates(settings: Settings, config: Subscriptions) -> list[Finding]:
    troubles = await Certificates(settings, lambda: config, now=lambda: datetime.now(UTC)).troubles()
    return [Finding("certificates", "wrong", one.title, one.advice) for one in troubles] or [
        Finding("certificates", "fine", "none of those that Kafka and the mail server show ends soon")
    ]


async def _mail(settings: Settings) -> list[Finding]:
    """Connect, encrypt, log in and leave: no mail is sent."""
    if not settings.smtp_host:
        return [Finding("mail", "wrong", "no mail server is named", "Set CODEGREY_SMTP_HOST and CODEGREY_SMTP_FROM.")]
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        await asyncio.to_thread(log_in_to_mail, settings)
    except smtplib.SMTPAuthenticationError as refused:
        advice = "Check CODEGREY_SMTP_USERNAME and CODEGREY_SMTP_PASSWORD."
        return [Finding("mail", "wrong", f"{where} refused the login ({refused.smtp_code})", advice)]
    except ssl.SSLError as fault:
        advice = (
            "Its certificate is for another name, has ended, or is of an authority that this machine does not know."
        )
        return [Finding("mail", "wrong", f"{where}: no encryption ({fault.reason or type(fault).__name__})", advice)]
    except (OSError, smtplib.SMTPException, RuntimeError) as fault:
        advice = "Check CODEGREY_SMTP_HOST, _PORT and _SECURITY, and that a firewall lets this machine through."
        return [Finding("mail", "wrong", f"{where} does not take mail ({type(fault).__name__})", advice)]
    login = "logged in" if settings.smtp_username else "no login is configured"
    return [Finding("mail", "fine", f"{where} answers, {settings.smtp_security}, {login}; nothing was sent")]


async def feeds(settings: Settings, configured: Configured) -> AsyncIterator[Finding]:
    """Fetch each configured feed once; yield a finding for each."""
    from services.ingest.check import Subject
    from services.ingest.commands import open_checker

    if configured.feeds is None:
        return
    subjects = [Subject.of(feed, settings.secrets_dir) for feed in configured.feeds.feeds]
    async with open_checker(settings, False, configured.feeds.contact) as checker:
        async for checked in checker.each(subjects):
            found: dict[str, Any] = checked.found
            if found["error"]:
                advice = "Try `codegrey feeds check` on it; a feed that is gone belongs out of feeds.yaml."
                yield Finding(f"feed {found['url']}", "wrong", found["error"], advice)
            elif not found["entries"]:
                yield Finding(f"feed {found['url']}", "odd", "holds no entries", "Perhaps it has moved.")
            else:
                yield Finding(f"feed {found['url']}", "fine", f"{len(found['entries'])} entries")


async def looked(name: str, look: Look) -> list[Finding]:
    """Run one look; whatever keeps it from looking becomes a finding."""
    try:
        return await look()
    except CodeGreyError as error:
        return [Finding(name, "wrong", str(error), "See docs/operating.md.")]
    except Exception as fault:
        said = f"could not be looked at: {type(fault).__name__}: {fault}"[:400]
        return [Finding(name, "wrong", said, "See docs/operating.md.")]
