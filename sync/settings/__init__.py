"""What the association sets of the sync: each setting, checked."""
