"""Runs OnPoint Pay on one machine with nothing installed: embedded servers and the processes of `make run`."""
