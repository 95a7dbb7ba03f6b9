"""Between the web server and Django: requests arrive whole and on time, or never reach a thread.

The server (granian) hands requests over as they begin. An event loop receives their bodies, so a client that stalls
costs a few kilobytes and no thread; only whole requests are given to the threads that run the WSGI application.
"""
