"""What follows from a change, while it is drafted."""

from __future__ import annotations

from engine.workflow.outbox import Delivery, Firing, FollowUp
from engine.workflow.ticket import Comment, Ticket


class Gathering:
    """Lists to add to."""

    __slots__ = ("comments", "deliveries", "dropped", "firings", "tickets")

    def __init__(self) -> None:
        self.firings: list[Firing] = []
        self.tickets: list[Ticket] = []
        self.dropped: list[Ticket] = []
        self.comments: list[Comment] = []
        self.deliveries: list[Delivery] = []

    def made(self) -> FollowUp | None:
        """All of it; None where nothing follows."""
        if not (self.firings or self.tickets or self.dropped or self.comments or self.deliveries):
            return None
        return FollowUp(
            firings=self.firings,
            tickets=self.tickets,
            dropped=self.dropped,
            comments=self.comments,
            deliveries=self.deliveries,
        )
