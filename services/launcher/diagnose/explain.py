"""`codegrey explain`: the classifier's command, and the way to pages that the classifier itself does not have."""

from __future__ import annotations

from typing import Any

import click

from services.classifier.commands import explain as explain_text


def fetch(url: str, allow_private: bool) -> dict[str, Any]:
    """Fetch a page as ingest would; return the row that the judge reads."""
    from services.launcher.diagnose.page import fetch_page
    from shared.command import run

    page = run(lambda settings: fetch_page(settings, url, allow_private=allow_private))
    return {
        "id": page.url,
        "url": page.url,
        "title": page.title,
        "text": page.text,
        "lang": page.language,
        "published": page.published.isoformat() if page.published else None,
    }


class _Explain(click.Command):
    """Hand the classifier's command what fetches pages."""

    def invoke(self, ctx: click.Context) -> Any:
        ctx.obj = fetch
        return super().invoke(ctx)


explain = _Explain("explain", callback=explain_text.callback, params=explain_text.params, help=explain_text.help)
