"""The demo's web pages: plain HTML from templates, nothing loaded from elsewhere, no script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
CONTENT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'"
)


def page(template: str, **context: Any) -> HTMLResponse:
    """Fill a template; everything in it is escaped."""
    html = ENVIRONMENT.get_template(template).render(context)
    return HTMLResponse(html, headers=safe_headers(CONTENT_POLICY))


def safe_headers(policy: str) -> dict[str, str]:
    """Return the headers of a page that shows what strangers wrote."""
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
