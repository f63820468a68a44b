"""A stand-in for the mobile-money operator: speaks its HTTP interface and keeps the true book of what was paid."""
