"""Tests of the simulator: real HTTP against a server in a thread, with the recorded shapes in `shapes/`."""
