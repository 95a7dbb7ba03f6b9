"""The Django admin for support staff: triggers, what came in, and what was done about it."""

from workflows.admin import calls, events, hooks, runs, triggers, workflows

__all__ = ["calls", "events", "hooks", "runs", "triggers", "workflows"]
