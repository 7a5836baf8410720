"""Which bundle reads the messages: activation, rollback, shadow, canary, drift."""
