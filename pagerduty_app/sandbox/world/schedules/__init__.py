"""Schedules of both kinds: what defines them, their shifts, and the upgrade of one kind to the other."""
