"""Rehearsing a draft on a sample: what would happen, with nothing leaving."""

from dataclasses import dataclass, field

from core.errors import Problem
from workflows import catalog
from workflows.authoring import descriptions, samples
from workflows.catalog import Json
from workflows.conditions import evaluate, possible_nulls
from workflows.formatting import field_names, summaries
from workflows.formatting.summaries import Fact
from workflows.models import Event, Workflow
from workflows.runs import step_inputs


@dataclass(frozen=True)
class Row:
    """One condition in words, what the sample has in that field, and whether it holds."""

    words: str
    actual: str
    holds: bool


@dataclass
class Step:
    """The request of a step: `input`, in display form `given`. skipped: none, because `only_if` does not hold.

    faults: (input's name, what is wrong with it). warnings: (input's name, what can go wrong with other events).
    """

    key: str
    connection: str
    name: str
    action: str
    given: list[Fact] = field(default_factory=list)
    input: Json = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)
    skipped: bool = False


@dataclass(frozen=True)
class Rehearsal:
    """starts: whether the conditions hold. steps: as they would go if none failed."""

    rows: list[Row]
    starts: bool
    steps: list[Step]

    @property
    def sound(self) -> bool:
        return not any(step.faults for step in self.steps)


def rehearse(workflow: Workflow, event: Event | None) -> Rehearsal:
    """The draft on that event, or on the documented one."""
    draft = workflow.draft
    fields = samples.of_trigger(workflow.trigger, event)
    asked = draft["conditions"]
    names = field_names.of_trigger(workflow.trigger.key)
    rows = [
        Row(words, _compared(row), row.held)
        for words, row in zip(
            descriptions.conditions(draft, names), evaluate.judge(asked, fields), strict=True
        )
    ]
    steps: list[Step] = []
    answers = samples.outputs(draft["steps"])
    outputs: Json = {}
    nulls = possible_nulls.of_definition(workflow.trigger.key, draft)
    for step in draft["steps"]:
        seen = {**fields, "steps": dict(outputs)}
        if evaluate.hold(step.get("only_if") or {}, seen):
            steps.append(_step(step, seen, nulls.get(step["key"], {})))
            # One that fails for good leaves nothing to those after it, where the run goes on; else none comes after it.
            if not (steps[-1].faults and step.get("on_error") == "continue"):
                outputs[step["key"]] = answers[step["key"]]
        else:
            steps.append(Step(*_names(step), skipped=True))
    return Rehearsal(rows, evaluate.hold(asked, fields), steps)


def _step(step: Json, fields: Json, nulls: dict[str, str]) -> Step:
    try:
        prepared = step_inputs.prepare(step["action"], step["input"], fields)
    except Problem as problem:
        return Step(*_names(step), faults=[("action", problem.message)])
    given = summaries.of_input(catalog.input_schema(step["action"]), prepared.given)
    warnings = [(name, said) for name, said in nulls.items() if name not in prepared.faults]
    return Step(*_names(step), given, prepared.given, prepared.sentences(), warnings)


def _compared(row: evaluate.Judged) -> str:
    return row.actual if row.wanted == row.value else f"{row.actual}; the value is {row.compared_with}"


def _names(step: Json) -> tuple[str, str, str, str]:
    name = step.get("name") or step["key"]
    return step["key"], step["connection"], name, descriptions.action_of(step)
