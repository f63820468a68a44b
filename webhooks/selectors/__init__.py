"""Reading webhooks: for a merchant always within one merchant and mode, for operators over all of them."""
