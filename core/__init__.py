"""The parts that any Django project could use: no models, no tenants, nothing of TaskJuice above it."""
