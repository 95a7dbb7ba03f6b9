"""Text and JSON: what databases store, how it is compared, searched and shown."""
