"""Registries that the apps above fill for connections: health, dependents, panels of the page."""
