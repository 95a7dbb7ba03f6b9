"""The Django admin for support staff: every row around a connection except the secrets themselves."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin

from connections.admin import accounts, audit, connection, keys, mail, people

__all__ = ["accounts", "audit", "connection", "keys", "mail", "people"]

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
