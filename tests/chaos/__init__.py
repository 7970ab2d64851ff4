"""Everything goes wrong at once, for a while, and at the end nothing is lost (``make chaos``)."""
