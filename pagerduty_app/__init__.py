"""PagerDuty as a provider: sign-in, payloads, triggers, actions, the client of its REST API, and a sandbox of it."""
