"""Demo data and the story that `make demo` tells."""
