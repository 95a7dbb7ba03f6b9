"""Chaos tests: `python -m bench.chaos` kills parts of the running product and counts its events."""
