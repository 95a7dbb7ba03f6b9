"""How what the API shows looks, where more is told than outgoing webhooks tell."""
