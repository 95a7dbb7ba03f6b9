"""Forms made from schemas: of an action, of a step, with pickers."""
