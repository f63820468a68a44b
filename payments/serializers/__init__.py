"""Payments, refunds and C2B money as JSON, in and out."""
