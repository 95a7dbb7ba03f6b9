"""Proofs by kill -9: `python -m bench.chaos` takes parts of the running product away and counts its events."""
