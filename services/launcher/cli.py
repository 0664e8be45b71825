"""The root of the command line: `codegrey COMMAND …`.

A command is imported when it is called, so that `codegrey judge` knows nothing of Kafka and starts at once.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

# name: (where it stands, what the overview says of it)
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("services.launcher.commands:up", "Start everything and show what happens; --demo for sample articles."),
    "down": ("services.launcher.commands:down", "Stop a running `up` in good order."),
    "status": ("services.launcher.operate:status", "Show topics, groups, lag, dead letters, feeds, deliveries."),
    "doctor": (
        "services.launcher.diagnose.doctor:doctor",
        "Look at everything that can be wrong here, and say what to do.",
    ),
    "why": ("services.launcher.operate:why", "Tell what became of an item, step by step."),
    "trace": ("services.launcher.diagnose.trace_command:trace", "Tell when an item passed each step, and the slowest."),
    "explain": ("services.launcher.diagnose.explain:explain", "Judge one text and say why."),
    "judge": ("services.classifier.commands:judge", "Judge many texts: JSON Lines in, JSON Lines out."),
    "evaluate": ("services.classifier.commands:evaluate", "Measure the judge on labelled texts."),
    "lexicon": ("services.classifier.commands:lexicon", "Check the files of words that the judge reads by."),
    "feeds": ("services.ingest.commands:feeds", "Check feeds before adding them."),
    "news": ("services.ingest.replay_command:news", "Publish stored news again."),
    "preview": ("services.launcher.preview.command:preview", "Show what the feeds hold now, and who would be told."),
    "incidents": ("services.tracker.commands:incidents", "List, show and retract incidents."),
    "silence": ("services.launcher.silence:silence", "Tell nothing more of an incident until its level rises."),
    "unsilence": ("services.launcher.silence:unsilence", "Take silences on an incident back."),
    "silences": ("services.launcher.silence:silences", "List the incidents that are silenced."),
    "subscriptions": ("services.notifier.commands:subscriptions", "Check and try subscriptions."),
    "dead": ("services.launcher.operate:dead", "List, show and replay dead letters; resume a paused consumer."),
    "outbox": ("services.launcher.outbox:outbox", "List, retry and drop what Kafka refused for good."),
    "topics": ("services.launcher.operate:topics", "Create the topics, show what differs."),
    "migrate": ("services.launcher.operate:migrate", "Bring the database to this program's version."),
    "service": ("services.launcher.systemd.commands:service", "Have systemd run it: at boot, and again when it fails."),
    "backup": ("services.launcher.backup.commands:backup", "Write everything that is kept to a file, while it runs."),
    "restore": ("services.launcher.backup.commands:restore", "Restore a backup on a clean machine."),
    "upgrade-data": ("services.launcher.backup.commands:upgrade_data", "Bring a database to this PostgreSQL."),
    "asyncapi": ("services.launcher.operate:asyncapi", "Print the AsyncAPI document of every topic."),
    "health": ("services.launcher.operate:health", "Exit 0 when a service is ready, for health checks."),
    "serve": ("services.launcher.commands:serve", "Run one service in this process."),
}


class Commands(click.Group):
    """A group whose commands are named in the table and imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or say clearly why it cannot be."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        try:
            command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name is None or not module.startswith(error.name):
                raise click.ClickException(f"{cmd_name}: {error.name} is not installed; run `make install`") from error
            raise click.ClickException(f"{cmd_name}: this version has no such command yet ({module})") from error
        except AttributeError as error:
            raise click.ClickException(f"{cmd_name}: this version has no such command yet ({module})") from error
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the overview from the table alone: nothing is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest name for one that is unknown."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            ctx.fail(f"There is no command `{args[0]}`.{hint}")
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from services.launcher.version import program_version

        click.echo(program_version())
        ctx.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def main() -> None:
    """Alerts on cyberattacks against hospitals, read from the world's news and graded by what they do to care.

    `codegrey up --demo` shows it on sample articles; `codegrey COMMAND --help` tells more of each command.
    """


if __name__ == "__main__":
    sys.exit(main(prog_name="codegrey"))
