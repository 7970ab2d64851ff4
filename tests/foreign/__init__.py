"""Clients that nobody here wrote, against the running product: what they take, others take."""
