"""REST endpoints of this room, under /api/v1/."""
