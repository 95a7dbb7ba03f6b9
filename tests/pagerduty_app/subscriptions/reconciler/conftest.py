"""A trigger whose webhook works, held against PagerDuty’s own file."""

from tests.support.relay import relay
from tests.support.sandbox_webhooks import (
    _held_to_the_contract,
    connection,
    kept,
    trigger,
)

__all__ = ["_held_to_the_contract", "connection", "kept", "relay", "trigger"]
