"""`manage.py migrate`: Django's, for every tenant's rows however it is started."""

from typing import Any

from django.core.management.commands import migrate

from core.db import tenant_scope


class Command(migrate.Command):
    # A data migration that sees no row changes none, and is recorded as applied.
    @tenant_scope.unscoped()
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
