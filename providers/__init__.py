"""Speaking to payment providers: plain Python, one folder per company."""
