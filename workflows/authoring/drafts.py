"""Drafts as the editor changes them: every function returns a new definition and leaves the given one as it was."""

import hashlib
import json
import re
from typing import Any

from core.errors import Problem

Definition = dict[str, Any]
EMPTY: Definition = {"conditions": {"match": "all", "rows": []}, "steps": []}
_LONGEST_KEY = 40


def step_of(draft: Definition, key: str) -> Definition | None:
    found: Definition | None = next((step for step in draft["steps"] if step["key"] == key), None)
    return found


def digest(draft: Definition) -> str:
    """Changes when the draft changes; for forms that act on what they show."""
    return hashlib.sha256(json.dumps(draft, sort_keys=True).encode(errors="replace")).hexdigest()[:32]


def unchanged(draft: Definition, seen: Definition, what: str, key: str = "") -> Definition:
    """`draft`, if that part of it is as in `seen`: "conditions", "steps" (their order), or the step `key`.

    Raises Problem (edited_meanwhile).
    """
    parts = [_part(one, what, key) for one in (draft, seen)]
    if parts[0] != parts[1]:
        raise Problem(
            "edited_meanwhile",
            "Someone else changed this at the same time, so nothing was saved. Save again to see both.",
            status=409,
        )
    return draft


def _part(draft: Definition, what: str, key: str) -> Any:
    if what == "steps":
        return [step["key"] for step in draft["steps"]]
    return step_of(draft, key) if what == "step" else draft["conditions"]


def with_conditions(draft: Definition, conditions: Definition) -> Definition:
    return {**draft, "conditions": conditions}


def with_step(draft: Definition, step: Definition) -> Definition:
    """The step of the same key replaced, or this one added at the end."""
    steps = [step if one["key"] == step["key"] else one for one in draft["steps"]]
    return {**draft, "steps": steps if step in steps else [*steps, step]}


def without_step(draft: Definition, key: str) -> Definition:
    return {**draft, "steps": [step for step in draft["steps"] if step["key"] != key]}


def moved(draft: Definition, key: str, by: int) -> Definition:
    """The step `by` places later (or earlier, if negative); as far as there are places."""
    at = next((place for place, step in enumerate(draft["steps"]) if step["key"] == key), 0)
    return moved_to(draft, key, max(at + by, 0))


def moved_to(draft: Definition, key: str, place: int) -> Definition:
    """The step at that place, counted from 0; at the end where there are not so many."""
    steps = [step for step in draft["steps"] if step["key"] != key]
    step = step_of(draft, key)
    if step is not None:
        steps.insert(place, step)
    return {**draft, "steps": steps}


def new_key(draft: Definition, name: str) -> str:
    """A key like that name which no step has yet: `create_incident`, then `create_incident_2`."""
    base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[: _LONGEST_KEY - 3]
    base = base if base[:1].isalpha() else f"step_{base}".rstrip("_")[: _LONGEST_KEY - 3]
    taken = {step["key"] for step in draft["steps"]}
    numbered = (f"{base}_{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(key for key in numbered if key not in taken)


def faults_of_step(detail: Any, at: int) -> dict[str, Any]:
    """The part of a definition's errors ({"steps": …} as a list, or by number) about the step with that number."""
    steps = detail.get("steps") if isinstance(detail, dict) else None
    if isinstance(steps, list):
        found = steps[at] if at < len(steps) else None
    else:
        found = steps.get(str(at), steps.get(at)) if isinstance(steps, dict) else None
    return found if isinstance(found, dict) else {}


def is_about_step(detail: Any, at: int) -> bool:
    """Return whether the errors concern that step, or the steps as a whole."""
    steps = detail.get("steps") if isinstance(detail, dict) else None
    whole = isinstance(steps, dict) and "non_field_errors" in steps
    plain = isinstance(steps, list) and any(not isinstance(one, dict) for one in steps)
    return whole or plain or bool(faults_of_step(detail, at))
