"""Benchmarks: `python -m bench` runs the real product against a sandbox and checks its figures."""
