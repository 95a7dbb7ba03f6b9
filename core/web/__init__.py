"""Web helpers: form tokens, pagination, dates that people pick, edit conflicts."""
