"""Implementations of `ports.Store`; one test suite runs over all of them."""
