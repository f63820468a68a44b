"""Django's PostgreSQL backend, which tells our clock the database's time."""
