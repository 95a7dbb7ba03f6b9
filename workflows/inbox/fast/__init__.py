"""The straight way into the inbox, for what nearly every delivery is: genuine, new, for a trigger that is set up.

It ends in the same rows as `workflows.inbox.store`, in one statement. Whatever is in doubt goes the ordinary way.
"""
