"""Migrations of settlements."""
