"""The sandbox's world: accounts, incidents, schedules, webhooks, and the store that keeps them."""
