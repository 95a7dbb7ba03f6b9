"""Permissions: the scopes of API keys, and which scopes each role has."""

# What an API key can be limited to; a signed-in person has them by role (see ROLE_SCOPES).
SCOPES: dict[str, str] = {
    "connections:read": "View connections",
    "connections:write": "Check and revoke connections",
    "actions:run": "Run actions on connections",
    "triggers:read": "View triggers and events",
    "triggers:write": "Create, edit and delete triggers",
    "workflows:read": "View workflows and runs",
    "workflows:write": "Create, edit and pause workflows; with actions:run also publish, resume and replay",
    "hooks:read": "View outgoing webhooks and deliveries",
    "hooks:write": "Create, edit, test and delete outgoing webhooks",
}
PEOPLE_SCOPES: dict[str, str] = {
    "people:manage": "Invite, edit and remove members",
    "keys:manage": "Create and revoke API keys",
    "workspaces:manage": "Create and rename workspaces",
    "data:manage": "Change data retention",
    "audit:read": "View the audit log",
}
ROLE_SCOPES: dict[str, frozenset[str]] = {
    "member": frozenset(SCOPES),
    "admin": frozenset(SCOPES) | frozenset(PEOPLE_SCOPES),
    "owner": frozenset(SCOPES) | frozenset(PEOPLE_SCOPES),
}
