"""`manage.py check --deploy`: does row-level security hold for the role that we connect as?"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import Error, connections

from core.db.postgresql import roles


@register(Tags.security, deploy=True)
def wall_holds(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Who checks a deployment has its database at hand; whether it can be reached is for others to say."""
    found: list[CheckMessage] = []
    for alias in databases or list(connections):
        try:
            if roles.passes_through(connections[alias]):
                found.append(Warning(roles.ADVICE, id="connections.W001", obj=alias))
        except Error:
            continue
    return found
