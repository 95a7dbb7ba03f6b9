"""Settings → People: who belongs to the agency, and who is invited."""

import uuid

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.accounts import people
from connections.models import Invitation, Membership, Role
from connections.web.access import here, member, needs
from connections.web.actor_of_request import actor_of
from connections.web.forms import InviteForm
from core.errors import Problem
from core.web.actions import perform
from core.web.pagination import page_of

_SECTION = {"section": "people"}


def _membership(request: HttpRequest, membership_id: int) -> Membership:
    """One of the present agency's; raises Http404."""
    rows = Membership.objects.filter(account=here(request).account).select_related("account", "user")
    found = rows.filter(pk=membership_id).first()
    if found is None:
        raise Http404
    return found


def _invitation(request: HttpRequest, invitation_id: uuid.UUID) -> Invitation:
    rows = Invitation.objects.filter(account=here(request).account).open().select_related("account")
    found = rows.filter(pk=invitation_id).first()
    if found is None:
        raise Http404
    return found


@needs("people:manage")
@never_cache
@require_http_methods(["GET", "POST"])
def people_list(request: HttpRequest) -> HttpResponse:
    """List the members of the agency and the open invitations; invite (POST)."""
    account = here(request).account
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invitation = people.invite(actor=actor_of(request), account=account, **form.cleaned_data)
        except Problem as problem:
            form.add_error("email", problem.message)
        else:
            messages.success(request, f"{invitation.email} invited.")
            return redirect("connections:people")
    rows = Membership.objects.filter(account=account).select_related("user").order_by("created_at", "id")
    rows = rows.annotate(second_factor=Exists(Authenticator.objects.filter(user=OuterRef("user"))))
    invitations = Invitation.objects.filter(account=account).open().select_related("created_by")
    context = {
        "form": form,
        "page": page_of(request, rows),
        "invitations": invitations[: people.MAX_OPEN_INVITATIONS],
    }
    return render(request, "connections/people.html", context | _SECTION, status=400 if form.errors else 200)


@needs("people:manage")
@require_POST
def second_factor(request: HttpRequest) -> HttpResponse:
    required = request.POST.get("required") == "yes"
    people.require_second_factor(actor=actor_of(request), account=here(request).account, required=required)
    messages.success(request, f"2FA is now {'required for all members' if required else 'optional'}.")
    return redirect("connections:people")


@needs("people:manage")
@require_POST
def change_role(request: HttpRequest, membership_id: int) -> HttpResponse:
    membership = _membership(request, membership_id)
    role = request.POST.get("role", "")
    if role not in (Role.ADMIN, Role.MEMBER):
        raise Http404
    perform(
        request,
        lambda: people.change_role(actor=actor_of(request), membership=membership, role=role),
        f"{membership.user.email} is now {role}.",
    )
    return redirect("connections:people")


@member
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Ask first. Members see this page only for themselves: leaving."""
    membership, actor = _membership(request, membership_id), actor_of(request)
    leaving = membership.user_id == actor.user_id
    if not leaving and not actor.may("people:manage", membership.account_id):
        raise Http404
    if request.method == "GET":
        context = {"membership": membership, "leaving": leaving} | _SECTION
        return render(request, "connections/person_remove.html", context)
    try:
        people.remove(actor=actor, membership=membership)
    except Problem as problem:
        messages.error(request, problem.message)
        return redirect("connections:people")
    gone = f"You have left {membership.account.name}." if leaving else f"{membership.user.email} removed."
    messages.success(request, gone)
    return redirect("connections:index" if leaving else "connections:people")


@needs("people:manage")
@require_http_methods(["GET", "POST"])
def hand_over(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Transfer the agency to another member, after a confirmation."""
    if here(request).role != Role.OWNER:
        raise PermissionDenied("Only the owner can transfer ownership.")
    membership = _membership(request, membership_id)
    if request.method == "GET":
        return render(request, "connections/hand_over.html", {"membership": membership} | _SECTION)
    perform(
        request,
        lambda: people.hand_over(actor=actor_of(request), membership=membership),
        f"{membership.user.email} is now the owner. You are an admin.",
    )
    return redirect("connections:people")


@needs("people:manage")
@require_POST
def invite_again(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    perform(
        request,
        lambda: people.invite_again(actor=actor_of(request), invitation=invitation),
        f"New link sent to {invitation.email}. The previous one no longer works.",
    )
    return redirect("connections:people")


@needs("people:manage")
@require_POST
def cancel_invitation(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    people.cancel(actor=actor_of(request), invitation=invitation)
    messages.success(request, f"Invitation for {invitation.email} cancelled.")
    return redirect("connections:people")


@member
@require_GET
def leave(request: HttpRequest) -> HttpResponse:
    """The way to leaving for those who do not see the list of people."""
    mine = Membership.objects.filter(account=here(request).account, user=request.user.pk).first()
    if mine is None:
        raise Http404
    return redirect("connections:person_remove", mine.pk)
