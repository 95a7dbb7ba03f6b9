"""Edge cases of PagerDuty: `python -m bench.edge` runs the real product against a misbehaving sandbox."""
