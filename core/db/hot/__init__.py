"""Prepared SQL for the busiest tables, on the delivery and run path only. Elsewhere use the ORM."""
