"""Tests of what measures: a wrong number is worse than none."""
