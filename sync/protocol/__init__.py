"""Higher Logic's side of it: its JSON, HTTP to it, and what its answers mean."""
