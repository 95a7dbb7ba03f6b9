"""The sandbox's pages for people: incidents, webhooks, faults."""
