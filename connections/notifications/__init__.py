"""Notifications: facts become notifications for people, in the app and by email.

`facts.notify` writes a fact, `kinds` says what can happen and how it is worded, `reading` is what pages show,
`preferences` what people have chosen. In the background `connections.mail.notification_emails` distributes facts to
people, and `connections.mail.digest` queues their email.
"""
