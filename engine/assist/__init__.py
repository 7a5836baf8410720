"""Which canned replies an agent could send next."""
