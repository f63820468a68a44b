"""The audit trail as JSON."""
