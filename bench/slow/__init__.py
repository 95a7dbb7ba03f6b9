"""Benches with a provider that takes its time, as real ones do over the internet: `slow-sqlite`, `slow-postgresql`."""
