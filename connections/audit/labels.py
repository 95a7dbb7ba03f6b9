"""What audit events are called on pages; each room registers the words for its own."""

_words: dict[str, str] = {
    "account.created": "Made the agency",
    "account.renamed": "Renamed the agency",
    "account.retention_changed": "Changed how long data is kept",
    "account.second_factor_changed": "Changed whether a second factor is required",
    "workspace.created": "Made a workspace",
    "workspace.renamed": "Renamed a workspace",
    "person.invited": "Invited somebody",
    "person.invited_again": "Sent an invitation again",
    "person.joined": "Joined the agency",
    "person.role_changed": "Changed a role",
    "person.removed": "Removed somebody",
    "invitation.cancelled": "Cancelled an invitation",
    "account.handed_over": "Handed the agency over",
    "api_key.created": "Made an API key",
    "api_key.revoked": "Revoked an API key",
    "connection.started": "Began to connect",
    "connection.connected": "Connected",
    "connection.reconnected": "Reconnected",
    "oauth_app.stored": "Entered the client’s own app",
    "oauth_app.retired": "Stopped using the client’s own app",
    "connection.renamed": "Renamed the connection",
    "connection.default_from_changed": "Changed the usual From address",
    "connection.checked": "Checked the connection",
    "connection.broken": "Lost access",
    "connection.healed": "Works again",
    "connection.revoked": "Revoked the connection",
    "connection.revoked_at_provider": "Told the provider of the revocation",
    "client_link.sent": "Sent a client link",
    "client_link.sent_again": "Sent a client link again",
    "client_link.cancelled": "Cancelled a client link",
    "client_link.confirmed": "Agreed to connect by client link",
}


def register(words: dict[str, str]) -> None:
    """words: action → what happened, as a sentence without its subject."""
    _words.update(words)


def known() -> list[tuple[str, str]]:
    """Every action with its words, sorted by those."""
    return sorted(_words.items(), key=lambda item: item[1])


def words_for(action: str) -> str:
    return _words.get(action, action)
