"""Triggers, workflows, runs and calls: what should happen. No provider is known here."""
