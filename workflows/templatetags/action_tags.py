"""Actions and their calls in words."""

from django import template

from workflows import catalog
from workflows.formatting.labels import how_long
from workflows.models import ActionCall
from workflows.presenters import call_history

register = template.Library()


@register.filter
def action_name(key: str) -> str:
    """Create incident for pagerduty/create-incident; the key itself for an action that is no more."""
    action = catalog.find_action(key)
    return action.name if action else key


@register.filter
def asked_by(call: ActionCall) -> str:
    return call_history.who(call)


@register.filter
def lasted(call: ActionCall) -> str:
    """From being asked for to the end; – while it is open."""
    return how_long(call.finished_at - call.created_at) if call.finished_at else "–"
