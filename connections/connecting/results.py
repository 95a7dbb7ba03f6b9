"""The pages on which a connect attempt that did not simply succeed can end: what happened, and the next step."""

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.connecting import client_links
from connections.connecting.consent_errors import ConsentError
from connections.grants import registry
from connections.models import ClientLink, Connection


@dataclass(frozen=True)
class _Page:
    status: int
    title: str
    text: str

    def about(self, provider: str, error: ConsentError | None) -> "_Page":
        """With that provider's name where it belongs, and with the meaning of its error for a text."""
        text = f"{error.meaning} Nothing was changed and nothing is stored." if error else self.text
        return replace(self, title=self.title.format(provider=provider), text=text.format(provider=provider))


_PAGES = {
    "denied": _Page(
        200,
        "Access was not granted",
        "{provider} says that the person who was asked said no. Nothing was changed and nothing is stored.",
    ),
    "nothing_granted": _Page(
        200,
        "No permission was granted",
        "The sign-in worked, but {provider} granted none of the permissions that were asked for, so there is nothing "
        "TaskJuice could do. Usually the app has not been installed, or not been allowed these permissions, in that "
        "{provider} account: ask its admin, then try again.",
    ),
    "expired": _Page(
        400,
        "This sign-in cannot be used any more",
        "A sign-in at {provider} counts once and for ten minutes, in the browser that began it. This page was "
        "reloaded, opened late, or opened elsewhere. What was connected before stays connected.",
    ),
    "failed": _Page(
        502,
        "{provider} could not complete the sign-in",
        "{provider} gave no usable answer. Nothing was changed. Try again in a moment.",
    ),
    "consent_refused": _Page(
        200,
        "{provider} refused the consent",
        "Nothing was changed and nothing is stored.",
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
        "That is a different {provider} account",
        "This connection belongs to another {provider} account than the one that was just chosen. Nothing was changed.",
    ),
    "unexpected_account": _Page(
        409,
        "That is not the {provider} account that was asked for",
        "The link was made for one {provider} account, and another one was chosen. Nothing was changed.",
    ),
    "link_over": _Page(
        410,
        "The link has ended meanwhile",
        "It was used, cancelled or replaced while you were at {provider}. Nothing was changed.",
    ),
}


def page(
    request: HttpRequest,
    kind: str,
    provider: str,
    connection: Connection | None,
    link: ClientLink | None = None,
    *,
    consent_error: ConsentError | None = None,
    **facts: Any,
) -> HttpResponse:
    """The page for that ending at `provider` (a key), with a way forward. facts: what the template may show.

    consent_error: of a consent that the provider refused. link: the client link of a client without an account, who
    gets a page without the agency's rooms.
    """
    known = registry.get(provider)
    context = {
        "kind": kind,
        "ending": _PAGES[kind].about(known.name, consent_error),
        "connection": connection,
        "section": "connections",
        "provider": known,
        "install_url": known.install_url(),
        "consent_error": consent_error,
        **facts,
    }
    ending = context["ending"]
    if link is not None:
        client_links.ended(
            link, kind, consent_error.in_words if consent_error else str(facts.get("reason", ""))
        )
        context |= {"link": link, "account": link.connection.workspace.account}
        return render(request, "connections/client_ending.html", context, status=ending.status)
    return render(request, "connections/ending.html", context, status=ending.status)
