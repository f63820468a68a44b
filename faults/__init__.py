"""Fault runs: many payments through a provider that fails on purpose, judged by the simulator's own book."""
