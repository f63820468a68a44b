"""Tests of the installation itself: settings, middleware, health."""
