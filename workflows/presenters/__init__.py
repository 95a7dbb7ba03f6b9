"""Contexts of pages about calls, runs and triggers."""
