"""Proofs by stop-watch: `python -m bench` runs the real product against a sandbox and holds it to its figures."""
