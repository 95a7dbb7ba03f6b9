"""What conditions compare: the kinds of values, the operators, and which row can hold at all."""
