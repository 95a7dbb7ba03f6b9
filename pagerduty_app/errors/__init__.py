"""PagerDuty's errors: how they become ours, and the table of them that docs and pages show."""
