"""Optional permissions for the demo's connection, through the real OAuth flow."""

import json

from bench.stack import Stack


def optional(stack: Stack, connection: str, *keys: str) -> None:
    """Reconnect with these optional permissions (pagerduty_app.oauth.scopes.OPTIONAL)."""
    order = {"connection": connection, "optional": keys}
    stack.python("-m", "bench.edge.inside", "permit", stdin=json.dumps(order))
