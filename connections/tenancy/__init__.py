"""Tenancy: the actor of a request, and query sets that see only its own."""
