"""The table of what the tests show, made from their run."""
