"""Who serves a conversation: pure functions over a snapshot, and the dispatcher that applies them."""
