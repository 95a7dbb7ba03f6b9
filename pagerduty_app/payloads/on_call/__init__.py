"""Events about who is on call, which PagerDuty does not post: their shape, reading and making."""
