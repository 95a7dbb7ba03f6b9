"""`manage.py rotate_encryption`: re-encrypt every secret with the first of ENCRYPTION_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand

from connections.grants.key_rotation import rotate
from core.db import tenant_scope


class Command(BaseCommand):
    help = "Re-encrypts every stored secret with the newest key. Safe while everything runs; safe to repeat."

    @tenant_scope.unscoped()
    def handle(self, **options: Any) -> None:
        self.stdout.write(
            f"Re-encrypted {rotate()} values. Older keys can be taken out of ENCRYPTION_KEYS now."
        )
