"""Data retention: candidates, and pruning them."""
