"""Pages of the workflow editor: steps, conditions, order, tests of a draft."""
