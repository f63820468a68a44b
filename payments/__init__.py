"""Taking money: payments, their provider operations and callbacks."""
