"""Accept an invitation: /join/."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from connections.accounts import people, signup
from connections.accounts.signup import INVITATION, invitation_in
from connections.models import Invitation, User
from connections.pages.secret_links import keep_digest
from connections.web.actor_of_request import actor_of
from connections.web.current_scope import choose, place_of
from connections.web.forms import NameForm
from core.errors import Problem


@never_cache
@require_http_methods(["GET", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Opened from the mail with `?link=`, which moves into the session; then asks, then joins."""
    if "link" in request.GET:
        keep_digest(request, INVITATION, Invitation.objects.all())
        return redirect("connections:join")
    invitation = invitation_in(request)
    if invitation is None:
        return render(request, "connections/join_over.html", status=410)
    if request.method == "POST" and isinstance(request.user, User):
        if request.POST.get("invitation") != str(invitation.pk):
            return redirect("connections:join")  # another one was opened since: what it says comes first
        try:
            people.join(actor=actor_of(request), user=request.user, invitation=invitation)
        except Problem as problem:
            messages.error(request, problem.message)
            return redirect("connections:join")
        return _welcome(request, invitation)
    return render(request, "connections/join.html", {"invitation": invitation})


@login_required
@require_POST
def found(request: HttpRequest) -> HttpResponse:
    """Create an agency for a user who belongs to none."""
    form = NameForm(request.POST)
    if place_of(request) is None and isinstance(request.user, User):
        if not form.is_valid():
            return render(request, "connections/nowhere.html", {"form": form}, status=400)
        signup.found(actor=actor_of(request), user=request.user, name=form.cleaned_data["name"])
    return redirect("connections:list")


def _welcome(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    del request.session[INVITATION]
    for known in ("_memberships", "_place", "_actor"):
        request.__dict__.pop(known, None)
    choose(request, f"account:{invitation.account_id}")
    messages.success(request, f"Welcome to {invitation.account.name}.")
    return redirect("connections:list")
