"""Runs once they exist: running them again."""
