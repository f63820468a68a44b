"""Measures settlement over a long ledger, and payments being completed by many writers: see docs/performance.md."""
