"""The pages of this room: Settings in the browser."""
