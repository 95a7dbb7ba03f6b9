"""What the admin pages have in common: scope, filters, drill-down, audited changes."""
