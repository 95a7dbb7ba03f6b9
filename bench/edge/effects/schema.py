"""Requests to the sandbox against PagerDuty's own schema."""

from collections import Counter

from bench.figures import Row, exactly
from bench.stack import Stack
from tests.support.contract import Contract


def unfit(stack: Stack, kind: str) -> list[Row]:
    """Return the number of requests that do not fit PagerDuty's schema; [] if PAGERDUTY_SCHEMA names none.

    The sandbox remembers the last 20,000 requests.
    """
    contract = Contract.load_from_env()
    if contract is None:
        print("     set PAGERDUTY_SCHEMA to check the requests")
        return []
    faults: Counter[str] = Counter()
    requests = [row for row in stack.sandbox("GET", "requests")["requests"] if "headers" in row]
    for row in requests:
        try:
            contract.check_request(row["method"], row["path"], row["pairs"], row["headers"], row["body"])
        except AssertionError as error:
            faults[str(error)] += 1
    for fault, count in faults.most_common(5):
        print(f"     {count} times: {fault}")
    return [
        exactly(f"{kind}: of {len(requests)} requests, those that do not fit the schema", 0, faults.total())
    ]
