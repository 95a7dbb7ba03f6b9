"""Databases: the clock, the tenant scope, PostgreSQL as this project uses it."""
