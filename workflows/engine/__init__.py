"""From events to runs to steps: fan-out, scheduler, executor, lease of a run."""
