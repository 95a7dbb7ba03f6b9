"""Template tags of pages with workflows: names of actions."""
