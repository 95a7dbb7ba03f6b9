"""Django's PostgreSQL backend, which also sets the tenant scope in the database's session (core.db.tenant_scope)."""
