"""Leaf helpers that two rooms need and that know no app."""
