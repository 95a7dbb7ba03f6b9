"""Schedules of both kinds, layer-based and shift-based, as one: listing, final shifts, users on call."""
