"""Tests of the provider interface, and the suite every provider inherits."""
