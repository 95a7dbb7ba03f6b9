"""Retention periods: how long each kind of row is kept, all in one table.

Events, runs, steps and calls are kept as long as their agency chose, within the first three figures.
"""

from datetime import timedelta

LEAST_DAYS, USUAL_DAYS, MOST_DAYS = 7, 90, 3650

# A call with an idempotency key, so that a client that repeats it gets the same answer.
IDEMPOTENT_CALLS = timedelta(days=30)
# Messages of outgoing webhooks. Dead letters longer than the rest: a member may replay them.
OUTGOING_MESSAGES = timedelta(days=30)
DEAD_LETTERS = timedelta(days=90)
# Deliveries before the trigger's first secret.
UNVERIFIED_DELIVERIES = timedelta(days=7)
# Counts of refused and duplicate deliveries.
REJECTION_COUNTS = timedelta(days=30)
# What ended: webhooks at a provider, deadlines, emails.
ENDED_SUBSCRIPTIONS = timedelta(days=30)
ENDED_DEADLINES = timedelta(days=30)
EMAILS = timedelta(days=30)
# Or as long as the agency keeps its runs, if that is shorter.
NOTIFICATIONS = timedelta(days=90)
# What recognises an event that a call of ours caused. Providers deliver late (PagerDuty: up to 48 hours).
LOOP_TRACES = timedelta(days=3)
