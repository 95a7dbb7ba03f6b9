"""Whose rows these are: the actor of a request, and query sets that see only its own."""
