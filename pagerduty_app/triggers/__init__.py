"""The triggers PagerDuty offers: types, samples, filters, recipes, on-call changes."""
