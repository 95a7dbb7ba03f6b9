"""Triggers: lifecycle, options, health, warnings, setup guide, delivery log, polling."""
