"""What the rooms above register about connections: health, dependents, panels of the page."""
