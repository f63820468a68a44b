"""Fees, settlements, payouts and the books as JSON, in and out."""
