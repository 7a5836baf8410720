"""The engine: decides what a message means, who answers it, and with what; owns every state change."""
