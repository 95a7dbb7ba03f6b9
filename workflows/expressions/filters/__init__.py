"""The filters of expressions: the table of all, and those of texts, numbers, lists, dates."""
