"""Staff in the admin: the rows they see, and the actor under which their acts are recorded."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from connections.models import Role
from connections.tenancy.actor import Actor
from connections.web.actor_of_request import actor_of

EVERY_ACCOUNT = "connections.see_every_account"
_IN_CHARGE = {Role.OWNER, Role.ADMIN}


@dataclass(frozen=True)
class AgencySupport(Actor):
    """An agency's own staff in the admin: recorded as `support`, but with rights in `roles` only."""

    def may(self, scope: str, account_id: uuid.UUID) -> bool:
        return account_id in self.roles

    def tenant_filter(self) -> dict[str, Any] | None:
        return {"workspace__account__in": list(self.roles)}


def sees_every_account(request: HttpRequest) -> bool:
    """Superusers and TaskJuice's own support; the request must be authenticated."""
    return request.user.has_perm(EVERY_ACCOUNT)


def accounts_of(request: HttpRequest) -> dict[uuid.UUID, str] | None:
    """Account id → role where the person is owner or admin; None for those who see every account."""
    if sees_every_account(request):
        return None
    return {account: role for account, role in actor_of(request).roles.items() if role in _IN_CHARGE}


def support_actor(request: HttpRequest) -> Actor:
    """The staff person as `support`, with no more than the accounts they see in the admin."""
    person, accounts = actor_of(request), accounts_of(request)
    kind = Actor if accounts is None else AgencySupport
    return kind(
        kind="support",
        label=person.label,
        user_id=person.user_id,
        roles=accounts or {},
        ip=person.ip,
        request_id=person.request_id,
    )
