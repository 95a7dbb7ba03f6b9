"""The fast path into the inbox, for the common delivery: genuine, new, for a trigger that is set up.

It writes the same rows as `workflows.inbox.store`, in one statement. A delivery in doubt takes the ordinary path.
"""
