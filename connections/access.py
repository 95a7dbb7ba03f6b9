"""Who gets to see a page: signed in, a member of some agency, and where it matters with the right role."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render

from connections.place import Place, place_of
from connections.requests import actor_of

View = Callable[..., HttpResponseBase]


def member(view: View) -> View:
    """The view for people of an agency; anybody else signed in is told that they belong to none."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if place_of(request) is None:
            return render(request, "connections/nowhere.html", status=403)
        return view(request, *args, **kwargs)

    return guarded


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
