"""The queue of work: wake-up, fair scheduling, claims, its metrics."""
