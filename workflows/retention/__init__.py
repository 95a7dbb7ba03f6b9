"""What is kept for how long: candidates, and pruning them."""
