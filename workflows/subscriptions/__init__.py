"""Webhooks that TaskJuice keeps at a provider itself: made, watched, renewed and removed in the background."""
