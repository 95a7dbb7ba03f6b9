"""Pages of runs: list, details, run again, bulk replay."""
