"""Rules, what follows from them, tickets, and the outbox."""
