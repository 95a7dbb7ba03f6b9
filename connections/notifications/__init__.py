"""Notifications: facts become notifications for people, in the app and by email.

`facts.notify` writes a fact, `kinds` says what can happen and how it is worded, `distribution` notifies people in the
background, `digest` owes them email, `reading` is what their pages show, `preferences` what they have chosen.
"""
