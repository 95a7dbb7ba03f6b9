"""The gateway between the web server (granian) and Django: only whole requests reach a thread.

The server passes requests on as they begin. An event loop receives their bodies, so a stalled client costs a few
kilobytes and no thread. Threads run the WSGI application on whole requests.
"""
