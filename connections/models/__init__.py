"""The rows of this room, one module for each thing they are about."""

from connections.models.audit import AuditEvent
from connections.models.budgets import RequestBudget
from connections.models.connection import Connection, Grant
from connections.models.keys import ApiKey
from connections.models.notices import Notice
from connections.models.notifications import (
    Notification,
    NotificationFact,
    NotificationPreference,
    NotificationReceipt,
)
from connections.models.oauth_apps import OAuthApp
from connections.models.people import Account, Membership, Role, User, Workspace
from connections.models.secret_links import ClientLink, Invitation

__all__ = [
    "Account",
    "ApiKey",
    "AuditEvent",
    "ClientLink",
    "Connection",
    "Grant",
    "Invitation",
    "Membership",
    "Notice",
    "Notification",
    "NotificationFact",
    "NotificationPreference",
    "NotificationReceipt",
    "OAuthApp",
    "RequestBudget",
    "Role",
    "User",
    "Workspace",
]
