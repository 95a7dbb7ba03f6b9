"""The app of bench.chaos.poisoned."""
