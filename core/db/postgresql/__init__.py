"""Django's PostgreSQL backend, which also tells the database whose rows may be seen (core.db.tenant_scope)."""
