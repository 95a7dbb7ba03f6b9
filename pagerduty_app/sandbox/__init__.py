"""A local PagerDuty to build, demo and test against. It knows PagerDuty, not this product."""
