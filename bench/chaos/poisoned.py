"""Settings of a product in which some events are poison: reading them raises, or kills the process that reads.

The product's own, and one app more. Nothing real is known to do this; it is what a fault of ours would look like.
"""

from taskjuice.settings import *  # noqa: F403
from taskjuice.settings import INSTALLED_APPS as _THEIRS

INSTALLED_APPS = [*_THEIRS, "bench.chaos.poison"]
