"""The writes that a run from the start would repeat at the provider, in words."""

from dataclasses import dataclass

from workflows import catalog
from workflows.formatting import summaries
from workflows.formatting.summaries import Fact
from workflows.models import ActionCall, Run, StepRun

_MOST_FACTS = 3


@dataclass(frozen=True)
class Repeat:
    """A step that wrote. about: its input; link: its result at the provider; unsure: it may not have taken effect."""

    name: str
    action: str
    about: list[Fact]
    link: str
    unsure: bool


def of(run: Run) -> list[Repeat]:
    """Return the steps of `run` that have had an effect or may have had one, in order."""
    names = {step["key"]: step.get("name") or step["key"] for step in run.plan}
    related = ("call__connection", "kept__connection")
    found = [
        _repeat(step, step.made, names)
        for step in run.steps.select_related(*related).order_by("position")
        if step.made
    ]
    return [repeat for repeat in found if repeat is not None]


def _repeat(step: StepRun, call: ActionCall, names: dict[str, str]) -> Repeat | None:
    action = catalog.find_action(call.action)
    completed = call.status == ActionCall.Status.COMPLETED
    if not (completed or call.unsure) or (action is not None and not action.writes):
        return None
    given = summaries.of_input(catalog.input_schema(call.action), call.input)
    integration = catalog.integration(call.connection.provider)
    schema = action.output_schema if action else {}
    made = summaries.of_output(schema, call.output, integration.owns_link)
    return Repeat(
        name=names.get(step.key, step.key),
        action=action.name if action else call.action,
        about=[fact for fact in given if fact.name != "From"][:_MOST_FACTS],
        link=made.link,
        unsure=not completed,
    )
