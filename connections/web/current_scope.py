"""The current scope of a signed-in user: one agency, and one of its workspaces or all of them."""

import uuid
from dataclasses import dataclass
from functools import cached_property

from django.db.models import QuerySet
from django.http import HttpRequest

from connections.models import Account, Membership, Role, Workspace
from core.db import tenant_scope

_KEY = "place"
_MOST_LISTED = 1_000


@dataclass(frozen=True)
class Place:
    """`workspace` is None when the person looks at all workspaces of `account`."""

    account: Account
    role: Role
    workspace: Workspace | None = None

    @property
    def key(self) -> str:
        """The form in which the switcher sends it."""
        return f"workspace:{self.workspace.pk}" if self.workspace else f"account:{self.account.pk}"

    @cached_property
    def workspace_keys(self) -> list[uuid.UUID] | None:
        """The keys of the workspace, or of all of the agency, read once; None if they are too many for a list."""
        if self.workspace is not None:
            return [self.workspace.pk]
        of_agency = Workspace.objects.filter(account=self.account).order_by()
        keys = list(of_agency.values_list("pk", flat=True)[: _MOST_LISTED + 1])
        return keys if len(keys) <= _MOST_LISTED else None


def place_of(request: HttpRequest) -> Place | None:
    """The place last chosen, or the person's first agency; None for a user who belongs to no agency.

    Read afresh for each request: a membership that ended takes the place with it.
    """
    if not hasattr(request, "_place"):
        chosen = request.session.get(_KEY)
        request._place = find(request, str(chosen or "")) or _first(request)  # type: ignore[attr-defined]
    place: Place | None = request._place  # type: ignore[attr-defined]
    return place


def choose(request: HttpRequest, key: str) -> bool:
    """Look there from now on. False when the person does not belong there."""
    place = find(request, key)
    if place is None:
        return False
    request.session[_KEY] = place.key
    request._place = place  # type: ignore[attr-defined]
    return True


def memberships_of(request: HttpRequest) -> list[Membership]:
    """The signed-in user's memberships with their accounts, the oldest first; read once for each request.

    They say what the person may see, so they are looked up before anything can be seen.
    """
    if not hasattr(request, "_memberships"):
        mine = Membership.objects.filter(user=request.user.pk).select_related("account")
        with tenant_scope.unscoped():
            request._memberships = list(mine.order_by("created_at", "id"))  # type: ignore[attr-defined]
    memberships: list[Membership] = request._memberships  # type: ignore[attr-defined]
    return memberships


def accounts_of(request: HttpRequest) -> list[Account]:
    """Every agency that the person belongs to, the oldest membership first."""
    return [membership.account for membership in memberships_of(request)]


def _first(request: HttpRequest) -> Place | None:
    first = next(iter(memberships_of(request)), None)
    return Place(first.account, Role(first.role)) if first else None


def find(request: HttpRequest, key: str) -> Place | None:
    """The place of that key; None where the person does not belong."""
    kind, _, some_id = key.partition(":")
    try:
        wanted = uuid.UUID(some_id)
    except ValueError:
        return None
    roles = {membership.account_id: membership for membership in memberships_of(request)}
    workspace = None
    if kind == "workspace":
        workspace = Workspace.objects.filter(pk=wanted, account__in=list(roles)).first()
        wanted = workspace.account_id if workspace else wanted
    if wanted not in roles or (kind == "workspace" and workspace is None):
        return None
    return Place(roles[wanted].account, Role(roles[wanted].role), workspace)


def workspaces_of(request: HttpRequest) -> QuerySet[Workspace]:
    """The workspaces of the agency that the person is looking at."""
    place = place_of(request)
    return Workspace.objects.filter(account=place.account if place else None).order_by("name")
