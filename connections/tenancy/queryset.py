"""The tenant filter: the one place that decides which rows an actor can see."""

from typing import Any, Self, TypeVar

from django.db import models

from connections.tenancy.actor import Actor

Row = TypeVar("Row", bound=models.Model)


class TenantQuerySet(models.QuerySet[Row]):
    """Rows of a model that has a `workspace`."""

    def visible_to(self, actor: Actor) -> Self:
        """The rows of the actor's own workspaces; a foreign id is simply not there."""
        wanted: dict[str, Any] | None = actor.tenant_filter()
        return self if wanted is None else self.filter(**wanted)

    def at(self, place: Any) -> Self:
        """The rows of a connections.web.current_scope.Place, which only a member can have.

        By the workspaces themselves rather than by a join: so PostgreSQL knows how many rows these have, and SQLite
        finds the newest in the index of each.
        """
        if (keys := place.workspace_keys) is None:
            return self.filter(workspace__account=place.account)
        return self.filter(workspace__in=keys)
