"""What customers send, in the order they send it: new conversations and further messages of open ones."""

from __future__ import annotations

import random
from collections.abc import Iterator

from yingda.v1 import message_pb2, message_service_pb2

NEW_SHARE = 0.3  # of the messages open a conversation
RECENT = 512  # customers who may still write
CHANNELS = (
    message_pb2.CHANNEL_WEB,
    message_pb2.CHANNEL_APP,
    message_pb2.CHANNEL_WECHAT,
    message_pb2.CHANNEL_WHATSAPP,
    message_pb2.CHANNEL_EMAIL,
)


class Traffic:
    """The customers of one source. A customer writes on one channel, and names no conversation, as channels do.

    Every name in it begins with `name`, so that sources of different names share no customer and no message.
    """

    def __init__(self, texts: Iterator[str], *, tenant: str, name: str, seed: str) -> None:
        self._texts = texts
        self._tenant = tenant
        self._name = name
        self._random = random.Random(seed)
        self._customers = 0
        self._messages = 0

    @property
    def sent(self) -> int:
        """How many messages there were."""
        return self._messages

    def message(self) -> message_pb2.Message:
        """The next one."""
        customer = self._customer()
        self._messages += 1
        return message_pb2.Message(
            tenant=self._tenant,
            channel=CHANNELS[customer % len(CHANNELS)],
            message_id=f"{self._name}-m{self._messages}",
            customer_id=f"{self._name}-c{customer}",
            text=next(self._texts),
        )

    def frame(self, size: int) -> bytes:
        """The next `size` messages, as a serialised StreamMessagesRequest."""
        messages = [self.message() for _ in range(size)]
        return message_service_pb2.StreamMessagesRequest(messages=messages).SerializeToString()

    def request(self) -> bytes:
        """The next message, as a serialised SendMessageRequest."""
        return message_service_pb2.SendMessageRequest(message=self.message()).SerializeToString()

    def _customer(self) -> int:
        """The number of who writes next: somebody new, or one of those who came last."""
        if not self._customers or self._random.random() < NEW_SHARE:
            self._customers += 1
            return self._customers
        return self._random.randint(max(self._customers - RECENT + 1, 1), self._customers)
