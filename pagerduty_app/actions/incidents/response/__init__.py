"""The actions of responders: snooze, merge, add responders, publish a status update, set custom fields."""
