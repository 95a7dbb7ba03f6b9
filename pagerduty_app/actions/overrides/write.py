"""The write of an override: one request, or two where a shift-based schedule also takes custom shifts."""

from pagerduty_app.actions.overrides.input import at_fault
from pagerduty_app.client import Api, PagerDutyError
from pagerduty_app.schedules import coverage
from pagerduty_app.schedules.coverage import Plan, Present
from pagerduty_app.schedules.kinds import LAYER_BASED
from workflows.catalog import Json

# Our own bound: PagerDuty documents none for a request, and a look-up reads them all.
_MOST_PIECES = 200


def check_pieces(plan: Plan, data: Json) -> None:
    """Raise ProviderError if the plan has too many overrides and custom shifts."""
    pieces = sum(map(len, plan.values()))
    if pieces > _MOST_PIECES:
        raise at_fault(
            data,
            f"The override takes {pieces:,} overrides and custom shifts in this schedule; at most {_MOST_PIECES} are "
            "written at once. Choose a shorter time.",
        )


def send(api: Api, schedule_id: str, present: Present, plan: Plan) -> list[Json]:
    """Return the rows written, of a shift-based schedule first the overrides, then the custom shifts.

    Raise PagerDutyError. If the first of two requests was accepted, the outcome of the write is unknown even if the
    second one is refused: the look-up finds what is there before anything is sent again.
    """
    if present.rota.kind == LAYER_BASED:
        return [api.create_override(schedule_id, body) for body in plan.get("overrides", ())]
    made: list[Json] = []
    for name in coverage.COLLECTIONS:
        if bodies := plan.get(name):
            try:
                made += api.create_parts_of_shifts(schedule_id, name, bodies)
            except PagerDutyError as error:
                if made:
                    error.outcome_unknown = True
                    error.retryable = error.retryable or error.status == 401
                raise
    return made
