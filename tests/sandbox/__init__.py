"""The stand-in for Higher Logic, spoken to as its callers do: over HTTP."""
