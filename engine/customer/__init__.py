"""What is known of a customer before an agent looks: fetched when a message comes, kept for a while."""
