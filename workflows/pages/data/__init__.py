"""Pages of data retention."""
