"""Notifications about workflows, webhooks and outgoing webhooks (connections.notifications)."""
