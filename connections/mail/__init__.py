"""Email: every message is owed as a row in the transaction that gives the reason for it, and sent by the workers."""
