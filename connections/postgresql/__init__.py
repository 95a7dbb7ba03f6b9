"""Django's PostgreSQL backend, which also tells the database whose rows may be seen (connections.wall)."""
