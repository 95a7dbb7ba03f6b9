"""Changes by responders: fields, snoozes, merges, responder requests, status updates, custom fields."""
