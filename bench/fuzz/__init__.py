"""The fuzz tests (tests/fuzz) in full, on both databases."""
