"""HTTP to PagerDuty: session, transport with time-outs, bounds, Retry-After."""
