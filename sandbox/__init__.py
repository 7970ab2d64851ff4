"""A stand-in for one tenant of Higher Logic, for trying and testing the feed and the sign-in.

It plays the far side strictly: what it cannot be sure of, it refuses. It shares no code with
the rest of the project and is spoken to over HTTP only, so that a mistake in how the project
reads Higher Logic's interface cannot hide in both places at once.
"""
