"""OnPoint Pay: a multi-merchant REST payment gateway for Kenya."""

__version__ = "0.1.0"
