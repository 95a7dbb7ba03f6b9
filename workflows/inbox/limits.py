"""Limits of the inbox: sizes in bytes, counts a trigger."""

# PagerDuty sends 256 KB at most (PagerDuty developer docs, Webhooks v3).
MAX_BODY = 256 * 1024
# Deliveries before the first secret (workflows.inbox.unverified).
MAX_HELD = 500
MAX_HELD_BYTES = 16 * 1024 * 1024
MAX_SECRETS = 10
# Refused deliveries a minute from one address for one URL.
MAX_REFUSED = 600
