"""Signs of life of the background workers, for the watchdog and /readyz."""

from django.db import models


class Heartbeat(models.Model):
    """The last time the worker called `name` (a host and its cluster) did something."""

    name = models.CharField(max_length=120, primary_key=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
