"""What pages show of calls, runs and triggers, put together for templates."""
