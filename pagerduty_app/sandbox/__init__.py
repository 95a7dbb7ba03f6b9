"""A local PagerDuty to build, demo and test against; independent of this product."""
