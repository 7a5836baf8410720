"""The gateway: the stateless edge that authenticates, validates, limits, and gathers messages for the engine."""
