"""Pages of triggers: list, details, deliveries, secrets, options, webhook."""
