"""The processes of an installation: web server, broker, listener, supervisor, watchdog, migration lock."""
