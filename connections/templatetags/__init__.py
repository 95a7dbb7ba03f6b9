"""Template tags of pages: errors, times, shapes of data, scopes and the audit log."""
