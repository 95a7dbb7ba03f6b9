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
        """Return the page with the provider's name filled in, and the meaning of an error as its text."""
        text = f"{error.meaning} No changes were made." if error else self.text
        return replace(self, title=self.title.format(provider=provider), text=text.format(provider=provider))


_PAGES = {
    "denied": _Page(
        200,
        "Access was not granted",
        "You, or the {provider} user who was asked, declined access. No changes were made.",
    ),
    "nothing_granted": _Page(
        200,
        "No permission was granted",
        "You signed in, but {provider} granted none of the requested permissions. Usually the app is not "
        "installed in that {provider} account, or not allowed these permissions. Ask its admin, then try again.",
    ),
    "not_installed": _Page(
        200,
        "The app is not installed in this {provider} account",
        "You signed in, but {provider} told us only who you are: the app is not installed in that account yet. "
        "No changes were made.",
    ),
    "expired": _Page(
        400,
        "Sign-in link expired",
        "A sign-in at {provider} is valid once, for 10 minutes, in the same browser. This page was reloaded, "
        "opened late, or opened elsewhere. Existing connections stay connected.",
    ),
    "failed": _Page(
        502,
        "{provider} sign-in failed",
        "{provider} returned an unexpected response. No changes were made. Please try again.",
    ),
    "consent_refused": _Page(
        200,
        "{provider} refused the authorization",
        "No changes were made.",
    ),
    "not_allowed": _Page(
        403,
        "You cannot authorize this connection",
        "You are not a member of the agency that owns it. No changes were made.",
    ),
    "revoked": _Page(
        409,
        "This connection has been revoked",
        "Revoked connections can’t be restored. Create a new one.",
    ),
    "other_account": _Page(
        409,
        "Different {provider} account",
        "This connection belongs to a different {provider} account than the one you chose. No changes were made.",
    ),
    "unexpected_account": _Page(
        409,
        "Not the requested {provider} account",
        "This link is for a different {provider} account than the one you chose. No changes were made.",
    ),
    "link_over": _Page(
        410,
        "This link is no longer valid",
        "It was used, cancelled or replaced while you were at {provider}. No changes were made.",
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
