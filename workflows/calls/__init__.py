"""Action calls: the pipeline, its attempts, leases, outcomes, look-ups, streams, loop detection."""
