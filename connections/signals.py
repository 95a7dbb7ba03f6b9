"""What other rooms may want to know of a connection. Sent inside the transaction that makes it true."""

from django.dispatch import Signal

# Each is sent with `connection`, the Connection it is about.
connection_restored = Signal()
connection_broken = Signal()
connection_revoked = Signal()
