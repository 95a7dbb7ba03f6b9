"""Proofs at PagerDuty's edge: `python -m bench.edge` runs the real product against a sandbox that misbehaves."""
