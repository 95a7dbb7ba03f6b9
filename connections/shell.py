"""What every signed-in page shows around its content: the place, the switcher, and what needs a person now."""

from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest

from connections.actors import ROLE_SCOPES
from connections.models import Account, Connection, User, Workspace
from connections.notifications import reading
from connections.place import accounts_of, place_of

_SWITCHER = 30
_BANNERS = 3


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell` with lazily read parts, empty for whoever is not signed in or belongs nowhere."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or request.path.startswith("/admin/"):
        return {}
    return {"shell": Shell(request)}


def unread_of(request: HttpRequest) -> int:
    """Of every agency the person belongs to, whichever is looked at."""
    user = request.user
    accounts = [account.pk for account in accounts_of(request)]
    return reading.unread(user, accounts) if isinstance(user, User) and accounts else 0


class Shell:
    """Read once for each page; every list is bounded."""

    def __init__(self, request: HttpRequest) -> None:
        self.place = place_of(request)
        self._request = request
        self._broken: list[Connection] | None = None
        self._unread: int | None = None

    @property
    def accounts(self) -> list[Account]:
        """The person's agencies for the switcher, each with its first workspaces as `offered`."""
        accounts = accounts_of(self._request)[:_SWITCHER]
        first = Workspace.objects.order_by("name")[:_SWITCHER]
        prefetch_related_objects(accounts, Prefetch("workspaces", first, to_attr="offered"))
        return accounts

    @property
    def may(self) -> frozenset[str]:
        """What the person's role allows in this agency, with `:` as `_` for templates."""
        scopes = ROLE_SCOPES[self.place.role] if self.place else frozenset()
        return frozenset(scope.replace(":", "_") for scope in scopes)

    @property
    def unread(self) -> int:
        """How many notifications the person has not read; at most reading.MOST_COUNTED + 1."""
        if self._unread is None:
            self._unread = unread_of(self._request)
        return self._unread

    @property
    def broken(self) -> list[Connection]:
        """The agency's connections that wait for somebody to reconnect them; one more than are shown.

        Those of every workspace, whichever is looked at: they wait until somebody sees it.
        """
        if self._broken is None:
            account = self.place.account if self.place else None
            waiting = Connection.objects.filter(
                workspace__account=account, status=Connection.Status.ERROR
            ).select_related("workspace")
            self._broken = list(waiting[: _BANNERS + 1])
        return self._broken

    @property
    def banners(self) -> list[Connection]:
        return self.broken[:_BANNERS]
