"""What every REST endpoint shares, and the endpoints of this room."""
