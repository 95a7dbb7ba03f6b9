"""Signals of connections for other apps. Sent inside the transaction that makes it true."""

from django.dispatch import Signal

# Each is sent with `connection`, the Connection it is about.
connection_restored = Signal()
# Sent before the transaction of a revocation, while there are tokens; receivers answer as those of connection_revoked.
connection_revoking = Signal()
# Receivers of connection_revoked answer what they stopped, as the receipt says it: {"Triggers closed": 3}.
connection_revoked = Signal()
