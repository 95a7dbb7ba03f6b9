"""The action create-override: its stretch of time, the write, and the look-up of a lost one."""
