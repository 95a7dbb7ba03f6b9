"""The actions that read what belongs to an incident: alerts, notes, log entries, similar incidents."""
