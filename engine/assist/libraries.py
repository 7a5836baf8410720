"""The libraries of all bundles at work, which change together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.assist.library import Blocks, Library
from engine.domain import Reply

Marks = Mapping[str, object]  # what a library held of each tenant
Made = Sequence[tuple[Library, Blocks]]


class Libraries:
    """As a `Library` for whoever changes replies. The first one answers what is asked.

    A bundle's vectors fit its own queries alone, so each bundle has its library. Changed on the decision thread.
    """

    def __init__(self, first: Library) -> None:
        self._all = [first]

    @property
    def first(self) -> Library:
        """That of the bundle that serves."""
        return self._all[0]

    def prepare(self, new: Library) -> Marks:
        """Let a library hold what the first one does; from any thread. To be given to `join`."""
        first, marks = self.first, dict[str, object]()
        alike: dict[int, str] = {}  # most tenants hold the samples, and one mark
        for tenant in first.tenants():
            mark = marks[tenant] = first.mark(tenant)
            if id(mark) in alike:
                new.share(tenant, alike[id(mark)])
            else:
                (new.renew if new.holds(tenant) else new.load)(tenant, first.replies(tenant))
                if first.mark(tenant) is mark:  # else it has what others do not
                    alike[id(mark)] = tenant
        new.settle()  # it begins to serve with all vectors made
        return marks

    def join(self, new: Library, marks: Marks) -> None:
        """Let a prepared library follow every change from now on."""
        for tenant in self.first.tenants():
            if not new.holds(tenant):
                new.load(tenant, self.first.replies(tenant))
            elif marks.get(tenant) is not self.first.mark(tenant):
                new.renew(tenant, self.first.replies(tenant))
        self._all.append(new)

    def keep(self, chosen: Sequence[Library]) -> None:
        """Let only these follow from now on; the first of them answers what is asked."""
        self._all = list(chosen)

    def follows(self, library: Library) -> bool:
        """Whether it follows every change."""
        return any(one is library for one in self._all)

    def holds(self, tenant: str) -> bool:
        """Whether the tenant's replies were loaded."""
        return self.first.holds(tenant)

    def replies(self, tenant: str) -> list[Reply]:
        """All that are held, by id."""
        return self.first.replies(tenant)

    def reply(self, tenant: str, reply_id: str) -> Reply | None:
        """The one of that id."""
        return self.first.reply(tenant, reply_id)

    def load(self, tenant: str, replies: Sequence[Reply]) -> None:
        """Take a tenant's replies in place of those held."""
        for one in self._all:
            one.load(tenant, replies)

    def blocks(self, replies: Sequence[Reply]) -> Made:
        """What takes longest of `put`; from any thread."""
        return [(library, library.blocks(replies)) for library in tuple(self._all)]

    def put(self, tenant: str, replies: Sequence[Reply], made: Made = ()) -> None:
        """Create or replace; `made` are the replies' blocks, where they were made before."""
        for one in self._all:
            one.put(tenant, replies, next((blocks for library, blocks in made if library is one), None))

    def delete(self, tenant: str, reply_id: str) -> None:
        """Remove it from every language."""
        for one in self._all:
            one.delete(tenant, reply_id)

    def renew(self, tenant: str, replies: Sequence[Reply]) -> None:
        """Hold these and no others."""
        for one in self._all:
            one.renew(tenant, replies)
