"""Representations of the API that have more than those of outgoing webhooks."""
