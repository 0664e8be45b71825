"""The demo's one web site on loopback: the feeds, the articles, and what was sent about them."""

from __future__ import annotations

from datetime import datetime
from html import escape

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from services.launcher.demo.feeds import Publisher
from services.launcher.demo.pages import page, safe_headers
from services.launcher.demo.post import Call, Mail, Shelf, parsed
from services.launcher.demo.samples import outlets

MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
"""The HTML of a mail quotes strangers: no script, no form, nothing fetched, whatever it says."""
SHOWN_CALLS = 50


def site(publisher: Publisher, mails: Shelf, calls: Shelf) -> Starlette:
    """Build the web site; it answers on loopback's names only, so that no foreign page can read it."""

    async def home(_request: Request) -> Response:
        return page("home.html", outlets=[(outlet, publisher.shown(outlet)) for outlet in outlets()])

    async def mailbox(_request: Request) -> Response:
        return page("mail.html", rows=mails.rows()[::-1], folder=mails.folder)

    async def mail(request: Request) -> Response:
        return page("one_mail.html", mail=_mail(mails, request.path_params["number"]))

    async def body(request: Request) -> Response:
        found = _mail(mails, request.path_params["number"])
        html = found.html or f"<pre>{escape(found.text)}</pre>"
        return HTMLResponse(html, headers=safe_headers(MAIL_POLICY))

    async def chat(_request: Request) -> Response:
        newest = calls.rows()[: -SHOWN_CALLS - 1 : -1]
        return page("chat.html", calls=[_call(calls, row["number"], row) for row in newest], folder=calls.folder)

    return Starlette(
        routes=[
            Route("/", home),
            Route("/mail", mailbox),
            Route("/mail/{number:int}", mail),
            Route("/mail/{number:int}/body", body),
            Route("/chat", chat),
            *publisher.routes,
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


def _row(shelf: Shelf, number: int) -> dict[str, object]:
    row = next((row for row in shelf.rows() if row["number"] == number), None)
    if row is None:
        raise HTTPException(404)
    return row


def _mail(shelf: Shelf, number: int) -> Mail:
    row = _row(shelf, number)
    path = shelf.path(number, ".eml")
    try:
        raw = path.read_bytes() if path else b""
    except OSError as error:
        raise HTTPException(404) from error
    to = row.get("to")
    recipients = tuple(str(one) for one in to) if isinstance(to, list) else ()
    return Mail(number, datetime.fromisoformat(str(row["received_at"])), "", recipients, raw, path)


def _call(shelf: Shelf, number: int, row: dict[str, object]) -> Call:
    path = shelf.path(number, ".json")
    try:
        raw = path.read_bytes() if path else b""
    except OSError:
        raw = b""
    received_at = datetime.fromisoformat(str(row["received_at"]))
    return Call(number, received_at, str(row.get("path", "")), {}, raw, parsed(raw), path)
