"""What people are notified of about workflows, webhooks and outgoing webhooks (connections.notifications)."""
