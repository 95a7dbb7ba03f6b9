"""Compare values: kinds, numbers, equality, and the table of operators."""
