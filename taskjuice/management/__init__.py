"""Django's management commands of this room."""
