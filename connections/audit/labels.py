"""The labels of audit events on pages; each app registers those of its own."""

_words: dict[str, str] = {
    "account.created": "Agency created",
    "account.renamed": "Agency renamed",
    "account.retention_changed": "Data retention changed",
    "account.second_factor_changed": "2FA requirement changed",
    "workspace.created": "Workspace created",
    "workspace.renamed": "Workspace renamed",
    "person.invited": "Member invited",
    "person.invited_again": "Invitation resent",
    "person.joined": "Member joined",
    "person.role_changed": "Role changed",
    "person.removed": "Member removed",
    "invitation.cancelled": "Invitation cancelled",
    "account.handed_over": "Ownership transferred",
    "api_key.created": "API key created",
    "api_key.revoked": "API key revoked",
    "connection.started": "Connection started",
    "connection.connected": "Connected",
    "connection.reconnected": "Reconnected",
    "oauth_app.stored": "Custom OAuth app added",
    "oauth_app.retired": "Custom OAuth app removed",
    "connection.renamed": "Connection renamed",
    "connection.default_from_changed": "Default From user changed",
    "connection.checked": "Connection checked",
    "connection.broken": "Connection lost (authorization error)",
    "connection.healed": "Connection recovered",
    "connection.revoked": "Connection revoked",
    "connection.revoked_at_provider": "Revoked at provider",
    "connection.revocation_checked": "Revocation checked at provider",
    "client_link.sent": "Client invitation sent",
    "client_link.sent_again": "Client invitation resent",
    "client_link.cancelled": "Client invitation cancelled",
    "client_link.confirmed": "Client approved via link",
}


def register(words: dict[str, str]) -> None:
    """words: action → what happened, as a sentence without its subject."""
    _words.update(words)


def known() -> list[tuple[str, str]]:
    """Every action with its words, sorted by those."""
    return sorted(_words.items(), key=lambda item: item[1])


def words_for(action: str) -> str:
    return _words.get(action, action)
