"""The frame of every signed-in page: current scope, switcher, and what needs attention."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest

from connections.models import Account, Connection, User, Workspace
from connections.notifications import reading
from connections.tenancy.permissions import ROLE_SCOPES
from connections.web.current_scope import Place, accounts_of, find, place_of
from core.web.url_prefixes import ADMIN

_SWITCHER = 30
_MOST_COUNTED = 100


@dataclass(frozen=True)
class Attention:
    """The number of connections that need attention, up to 100, and one of them."""

    count: int
    first: Connection

    @property
    def shown(self) -> str:
        return f"{_MOST_COUNTED - 1}+" if self.count >= _MOST_COUNTED else str(self.count)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell` with lazily read parts, empty for users who are not signed in or have no agency."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.path.startswith(ADMIN):
        return {}
    return {"shell": Shell(request)}


def unread_of(request: HttpRequest) -> int:
    """Count unread notifications of every agency that the user belongs to."""
    user = request.user
    accounts = [account.pk for account in accounts_of(request)]
    return reading.unread(user, accounts) if isinstance(user, User) and accounts else 0


class Shell:
    """Read once for each page; every list is bounded."""

    def __init__(self, request: HttpRequest) -> None:
        self.place = place_of(request)
        self._request = request
        self._attention: list[Attention] | None = None
        self._unread: int | None = None

    def around(self, workspace: uuid.UUID | None) -> Place | None:
        """The place of that workspace, where what was chosen does not hold it. A query only where it may not."""
        place = self.place
        if place is None or workspace is None:
            return place
        chosen = place.workspace
        if chosen.pk == workspace if chosen else len(accounts_of(self._request)) == 1:
            return place
        found = find(self._request, f"workspace:{workspace}")
        holds = found is None or (chosen is None and found.account == place.account)
        return place if holds else found

    @property
    def accounts(self) -> list[Account]:
        """The person's agencies for the switcher, each with its first workspaces as `offered`."""
        accounts = accounts_of(self._request)[:_SWITCHER]
        first = Workspace.objects.order_by("name")[:_SWITCHER]
        prefetch_related_objects(accounts, Prefetch("workspaces", first, to_attr="offered"))
        return accounts

    @property
    def may(self) -> frozenset[str]:
        """The scopes of the user's role in this agency, with `:` as `_` for templates."""
        scopes = ROLE_SCOPES[self.place.role] if self.place else frozenset()
        return frozenset(scope.replace(":", "_") for scope in scopes)

    @property
    def unread(self) -> int:
        """The number of unread notifications; at most reading.MOST_COUNTED + 1."""
        if self._unread is None:
            self._unread = unread_of(self._request)
        return self._unread

    @property
    def attention(self) -> Attention | None:
        """The connections of the place that wait to be reconnected; None where there are none."""
        if self._attention is None:
            waiting = Connection.objects.at(self.place) if self.place else Connection.objects.none()
            rows = waiting.filter(status=Connection.Status.ERROR).select_related("workspace").order_by()
            found = list(rows[:_MOST_COUNTED])
            self._attention = [Attention(len(found), found[0])] if found else []
        return next(iter(self._attention), None)
