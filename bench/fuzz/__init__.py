"""Proofs by chance: the fuzz tests (tests/fuzz) in full, on both databases."""
