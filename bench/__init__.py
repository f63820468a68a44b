"""Measures the product against named limits of this machine, side by side in one run: see docs/performance.md."""
