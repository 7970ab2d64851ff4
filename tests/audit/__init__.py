"""The audit: what it keeps, for how long, and how it is found."""
