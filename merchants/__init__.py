"""Who may do it: merchants, their people, API keys and sessions."""
