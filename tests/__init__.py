"""Journeys across rooms, the house rules, and the servers the whole suite runs on."""
