"""M-Pesa through Safaricom's Daraja API."""
