"""What people and limits do with runs: rate limit, chains, parking, control, replays, inputs of steps."""
