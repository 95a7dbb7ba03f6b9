"""`manage.py check --deploy`: does row-level security hold for the role that we connect as?"""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import Error, connections

from core.db.postgresql import roles


@register(Tags.security, deploy=True)
def row_level_security_holds(
    app_configs: Any = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn where row-level security does not hold for the role. A database that cannot be reached is skipped."""
    found: list[CheckMessage] = []
    for alias in databases or list(connections):
        try:
            if roles.passes_through(connections[alias]):
                found.append(Warning(roles.ADVICE, id="connections.W001", obj=alias))
        except Error:
            continue
    return found
