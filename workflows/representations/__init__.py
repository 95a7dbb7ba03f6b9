"""How events, calls and runs look outside: for the API and for outgoing webhooks."""
