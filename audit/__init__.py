"""Remembers who did what, and every step of every state machine."""
