"""Representations of events, calls and runs: for the API and for outgoing webhooks."""
