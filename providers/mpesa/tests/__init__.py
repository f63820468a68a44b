"""Tests of M-Pesa, with the shapes its API is known to send."""
