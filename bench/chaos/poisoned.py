"""Settings of a product with poisoned events: reading them raises, or kills the process that reads.

They add one app to the product's own settings. No real event is known to do this; it simulates a fault of ours.
"""

from taskjuice.settings import *  # noqa: F403
from taskjuice.settings import INSTALLED_APPS as _THEIRS

INSTALLED_APPS = [*_THEIRS, "bench.chaos.poison"]
