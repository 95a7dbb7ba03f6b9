"""Guards of pages: signed in, a member of an agency, and a role with the required scope."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from connections.accounts.signup import waiting
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import Place, place_of
from connections.web.forms import NameForm

View = Callable[..., HttpResponseBase]


def member(view: View) -> View:
    """The view for people of an agency; anybody else signed in is told that they belong to none."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(_where_to_go_on(request))
        if place_of(request) is None:
            context = {"invitation": waiting(request), "form": NameForm()}
            return render(request, "connections/nowhere.html", context, status=403)
        return view(request, *args, **kwargs)

    return guarded


def _where_to_go_on(request: HttpRequest) -> str:
    """The URL after sign-in: this page, or for a submitted form the page of ours that it was on."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    came_from = request.META.get("HTTP_REFERER", "")
    if not url_has_allowed_host_and_scheme(came_from, {request.get_host()}, request.is_secure()):
        return "/"
    return urlsplit(came_from)._replace(scheme="", netloc="").geturl() or "/"


def needs(scope: str) -> Callable[[View], View]:
    """The view for people whose role in the present agency has `scope`; others get the 403 page."""

    def guard(view: View) -> View:
        @member
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not actor_of(request).may(scope, here(request).account.pk):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def here(request: HttpRequest) -> Place:
    """The place, inside a view that `member` or `needs` guards."""
    place = place_of(request)
    if place is None:
        raise PermissionDenied
    return place
