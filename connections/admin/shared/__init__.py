"""Shared parts of the admin pages: scope, filters, drill-down, audited changes."""
