"""The proofs `slow-sqlite` and `slow-postgresql` of `make bench`."""

from bench.figures import Row
from bench.slow import provider, rates, waits
from bench.stack import Stack


def measure(kind: str, port: int) -> list[Row]:
    """Measure latency and rate with the default number of workers. kind: see Stack."""
    with Stack(kind, port) as stack:
        tenants = provider.tenants(stack, rates.RUNS)
        ways = provider.ways(stack, tenants, waits.EVENTS + rates.RUNS)
        rows = waits.measure(stack, kind, ways[: waits.EVENTS])
        aside = [(tenant["id"], incident) for tenant, incident in ways[waits.EVENTS :]]
        return rows + rates.measure(stack, kind, aside)
