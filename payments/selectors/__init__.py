"""Reading payments; always within one merchant and mode."""
