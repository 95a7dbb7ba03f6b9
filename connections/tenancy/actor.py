"""The actor: who is asking, from where, and what they may do. Every use case takes one."""

import uuid
from dataclasses import dataclass, field
from typing import Any, Self

from connections.tenancy.permissions import ROLE_SCOPES
from core.errors import Problem


@dataclass(frozen=True)
class Actor:
    """The acting party: kind is `user`, `api_key`, `client`, `support` or `system`.

    `roles` maps account ids to a person's role there; `workspace_id` limits an API key to its workspace.
    """

    kind: str
    label: str
    user_id: int | None = None
    api_key_id: uuid.UUID | None = None
    workspace_id: uuid.UUID | None = None
    roles: dict[uuid.UUID, str] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    ip: str | None = None
    request_id: str = ""

    @classmethod
    def system(cls, label: str = "TaskJuice") -> Self:
        """The product itself, at work in the background: sees every row."""
        return cls(kind="system", label=label)

    def may(self, scope: str, account_id: uuid.UUID) -> bool:
        """Return whether this actor holds `scope` in that account."""
        if self.kind in {"system", "support"}:
            return True
        if self.kind == "api_key":
            return scope in self.scopes
        return scope in ROLE_SCOPES.get(self.roles.get(account_id, ""), frozenset())

    def require(self, scope: str, account_id: uuid.UUID, why: str) -> None:
        """Raise Problem (insufficient_scope) unless this actor holds `scope` there. why: a sentence for people."""
        if not self.may(scope, account_id):
            message = f"{why}: this needs the scope {scope}."
            raise Problem("insufficient_scope", message, status=403, detail={"scope": scope})

    def require_actions(self, account_id: uuid.UUID) -> None:
        """Raise Problem (insufficient_scope) unless this actor may make actions happen in that account."""
        self.require("actions:run", account_id, "This runs actions")

    def tenant_filter(self) -> dict[str, Any] | None:
        """Keyword filter on `workspace` that selects what this actor may see; None means everything."""
        if self.kind in {"system", "support"}:
            return None
        if self.kind == "api_key":
            return {"workspace": self.workspace_id}
        return {"workspace__account__in": list(self.roles)}
