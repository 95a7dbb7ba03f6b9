"""Control of runs: runs a minute, limits on chains, parking, control, replay, inputs of steps."""
