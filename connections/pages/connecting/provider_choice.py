"""The provider that a page without a connection is about: the only one, or the one chosen by `?provider=`."""

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.grants.registry import OAuthProvider


def chosen(request: HttpRequest, offered: Sequence[OAuthProvider]) -> OAuthProvider | None:
    """Return the provider; None where the person has to choose (see `choose`)."""
    if len(offered) == 1:
        return offered[0]
    asked = request.POST.get("provider") or request.GET.get("provider")
    return next((provider for provider in offered if provider.key == asked), None)


def choose(
    request: HttpRequest, offered: Sequence[OAuthProvider], *, title: str, section: str
) -> HttpResponse:
    """Offer the providers by name; each leads to the same page with `?provider=`."""
    context = {"offered": offered, "title": title, "section": section}
    status = 400 if request.method == "POST" else 200
    return render(request, "connections/choose_provider.html", context, status=status)
