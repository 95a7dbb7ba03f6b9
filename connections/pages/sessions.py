"""Settings → Sessions: where the signed-in person is signed in."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from connections.accounts import sessions


@login_required
@never_cache
@require_GET
def session_list(request: HttpRequest) -> HttpResponse:
    context = {"sessions": sessions.of(request), "here": request.session.session_key, "section": "sessions"}
    return render(request, "connections/sessions.html", context)


@login_required
@require_POST
def end(request: HttpRequest, session_id: int) -> HttpResponse:
    if not sessions.end(request, session_id):
        raise Http404
    messages.success(request, "Session signed out.")
    return redirect("connections:sessions")


@login_required
@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    ended = sessions.end_others(request)
    messages.success(request, f"Other sessions signed out: {ended}.")
    return redirect("connections:sessions")
