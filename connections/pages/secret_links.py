"""The opening of both kinds of secret links: from the email's URL into the session."""

from typing import Any

from django.http import HttpRequest

from connections.models.secret_links import SecretLinkQuerySet, digest_of
from core.db import tenant_scope


def keep_digest(request: HttpRequest, name: str, links: SecretLinkQuerySet[Any]) -> None:
    """Remember in the session which of `links` the `?link=` is; nothing is kept for one that is none of ours.

    The view then redirects to its plain address: the secret leaves the address bar at once, and with it the
    browser's history and the screen.
    """
    digest = digest_of(request.GET["link"])
    with tenant_scope.unscoped():
        known = links.filter(digest=digest).exists()
    if known:
        request.session[name] = digest
    else:
        request.session.pop(name, None)
