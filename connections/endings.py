"""The pages on which a connect attempt that did not simply succeed can end: what happened, and the next step."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections import client_links
from connections.models import ClientLink, Connection


@dataclass(frozen=True)
class _Page:
    status: int
    title: str
    text: str


_PAGES = {
    "denied": _Page(
        200,
        "Access was not granted",
        "PagerDuty says that the person who was asked said no. Nothing was changed and nothing is stored.",
    ),
    "nothing_granted": _Page(
        200,
        "No permission was granted",
        "The sign-in worked, but PagerDuty granted none of the permissions that were asked for, so there is nothing "
        "TaskJuice could do. Usually the app has not been installed, or not been allowed these permissions, in that "
        "PagerDuty account: ask its admin, then try again.",
    ),
    "expired": _Page(
        400,
        "This sign-in cannot be used any more",
        "A sign-in at PagerDuty counts once and for ten minutes, in the browser that began it. This page was reloaded, "
        "opened late, or opened elsewhere. What was connected before stays connected.",
    ),
    "failed": _Page(
        502,
        "PagerDuty could not complete the sign-in",
        "PagerDuty gave no usable answer. Nothing was changed. Try again in a moment.",
    ),
    "not_allowed": _Page(
        403,
        "You cannot authorise this connection",
        "You are not, or no longer, a member of the agency that it belongs to. Nothing was changed.",
    ),
    "revoked": _Page(
        409,
        "This connection was revoked meanwhile",
        "A revoked connection is not brought back. Add a new one.",
    ),
    "other_account": _Page(
        409,
        "That is a different PagerDuty account",
        "This connection belongs to another PagerDuty account than the one that was just chosen. Nothing was changed.",
    ),
    "unexpected_account": _Page(
        409,
        "That is not the PagerDuty account that was asked for",
        "The link was made for one PagerDuty account, and another one was chosen. Nothing was changed.",
    ),
    "link_over": _Page(
        410,
        "The link has ended meanwhile",
        "It was used, cancelled or replaced while you were at PagerDuty. Nothing was changed.",
    ),
}


def page(
    request: HttpRequest,
    kind: str,
    connection: Connection | None,
    link: ClientLink | None = None,
    **facts: Any,
) -> HttpResponse:
    """The page for that ending, with a way forward. facts: what the template may show, no secrets.

    link: the client link by which somebody without an account came; they get a page without the agency's rooms.
    """
    ending = _PAGES[kind]
    context = {"kind": kind, "ending": ending, "connection": connection, "section": "connections", **facts}
    if link is not None:
        client_links.ended(link, kind)
        context |= {"link": link, "account": link.connection.workspace.account}
        return render(request, "connections/client_ending.html", context, status=ending.status)
    return render(request, "connections/ending.html", context, status=ending.status)
