"""Traces: a run's writes at a provider, so that the event of such a write is recognized as its echo."""

from django.db import models

from workflows.models.calls import ActionCall
from workflows.models.runs import MAX_DEPTH, Run


class Trace(models.Model):
    """One change that a step's call may have made, stored before the call is sent.

    account: the provider account (`pagerduty/us/PACC`), the same for every tenant that connected it: tenants that
    share one can feed each other. subject, kind, agent, proof: see workflows.catalog.Effect. depth: of the run that
    wrote it.
    """

    account = models.CharField(max_length=200)
    subject = models.CharField(max_length=300)
    kind = models.CharField(max_length=120)
    agent = models.CharField(max_length=64, blank=True)
    proof = models.CharField(max_length=64, blank=True)
    depth = models.PositiveSmallIntegerField()
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")
    call = models.ForeignKey(ActionCall, on_delete=models.CASCADE, related_name="traces", db_index=False)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["call", "kind", "subject"], name="trace_once"),
            models.CheckConstraint(
                condition=models.Q(depth__gte=0, depth__lte=MAX_DEPTH), name="trace_depth_bounded"
            ),
        ]
        indexes = [models.Index(fields=["account", "subject", "kind", "last_at"], name="trace_looked_up")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
