"""Reasons why a workflow did not begin again in a chain: codes and sentences (workflows.runs.chain_limits)."""

from typing import Any

from workflows.models import Event

MAX_RUNS = 20
IN_CHAIN, FULL = "already_in_chain", "chain_limit"
WORDS = {
    IN_CHAIN: "Not started: this workflow is already part of this chain of workflows that start each other.",
    FULL: f"Not started: a chain has at most {MAX_RUNS} runs, and this one has reached the limit.",
}


def explained(event: Event) -> list[dict[str, Any]]:
    """Each workflow that a chain kept from beginning, with code and message."""
    kept = event.not_started or []
    return [{**one, "message": WORDS.get(one["code"], one["code"])} for one in kept]
