"""Every tenant's shelves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import numpy as np
import structlog

from engine.assist import change
from engine.assist.block import Block, BlockMaker, Vectors
from engine.assist.keeper import Keeper
from engine.assist.shelf import Part, Shelf
from engine.domain import Reply

LANGUAGES = ("zh", "en")
Shelves = Mapping[str, Shelf]  # by language
Blocks = Mapping[str, Block]


class Library:
    """Holds the newest shelf of each tenant and language; a search sees one snapshot, whatever changes meanwhile.

    `put` and `delete` are seen by every search that begins after they return. What takes long (merging, large
    indexes) is done on a thread of its own and swapped in. Safe to share between threads.
    """

    def __init__(
        self, *, maker: BlockMaker, width: int, samples: Sequence[Reply], keeper: Keeper | None = None
    ) -> None:
        """`keeper` remembers vectors from one start to the next; without one all are made anew."""
        self._maker = maker
        self._keeper = keeper
        self._width = width
        self._samples = {reply.reply_id: reply for reply in samples}
        self._sampled: Future[Shelves] | None = None
        self._shelves: dict[str, Shelves] = {}
        self._listed: dict[str, tuple[Shelves, list[Reply]]] = {}
        self._lock = Lock()
        self._builder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shelves")
        self._tidying: dict[tuple[str, str], Future[None]] = {}

    def close(self) -> None:
        """Give up what is being built."""
        self._builder.shutdown(wait=True, cancel_futures=True)
        if self._keeper:
            self._keeper.close()

    def warm(self) -> None:
        """Begin to index the samples, so that a tenant's first message need not wait for it."""
        if self._sampled is None:
            self._sampled = self._builder.submit(self._make, list(self._samples.values()))

    def holds(self, tenant: str) -> bool:
        """Whether the tenant's replies were loaded."""
        return tenant in self._shelves

    def tenants(self) -> list[str]:
        """Whose replies were loaded."""
        return list(self._shelves)

    def mark(self, tenant: str) -> object:
        """Another object once something was changed."""
        return self._shelves[tenant]

    def shelf(self, tenant: str, language: str) -> Shelf | None:
        """The newest, or None where there are no replies."""
        shelf = self._shelves.get(tenant, {}).get(language)
        return shelf if shelf and shelf.parts else None

    def replies(self, tenant: str) -> list[Reply]:
        """All that are held, by id; not to be changed."""
        shelves = self._of(tenant)
        listed = self._listed.get(tenant)
        if listed is None or listed[0] is not shelves:
            found = [reply for shelf in shelves.values() for reply in shelf.unordered()]
            found.sort(key=lambda reply: reply.reply_id)
            listed = self._listed[tenant] = (shelves, found)
        return listed[1]

    def reply(self, tenant: str, reply_id: str) -> Reply | None:
        """The one of that id."""
        found = (shelf.reply(reply_id) for shelf in self._of(tenant).values())
        return next((reply for reply in found if reply), None)

    def load(self, tenant: str, replies: Sequence[Reply]) -> None:
        """Take a tenant's replies in place of those held."""
        shelves = self._sample_shelves() if self._are_samples(replies) else self._remade(tenant, replies)
        with self._lock:
            self._shelves[tenant] = shelves
        self._tidy(tenant)

    def share(self, tenant: str, other: str) -> None:
        """Hold for a tenant what is held for another one."""
        with self._lock:
            self._shelves[tenant] = self._shelves[other]
        self._tidy(tenant)

    def blocks(self, replies: Sequence[Reply]) -> Blocks:
        """By language, to be given to `put`; from any thread."""
        return {language: self._maker.make_now(found) for language, found in _by_language(replies).items()}

    def put(self, tenant: str, replies: Sequence[Reply], blocks: Blocks | None = None) -> None:
        """Create or replace; `blocks` are those of the replies, if they were made before."""
        blocks = self.blocks(replies) if blocks is None else blocks
        self._change(tenant, [reply.reply_id for reply in replies], blocks)

    def delete(self, tenant: str, reply_id: str) -> None:
        """Remove it from every language."""
        self._change(tenant, [reply_id], {})

    def renew(self, tenant: str, replies: Sequence[Reply]) -> None:
        """Hold these and no others; what is held already stays as it is."""
        held = {reply.reply_id: reply for reply in self.replies(tenant)}
        wanted = {reply.reply_id: reply for reply in replies}
        gone = [reply_id for reply_id, reply in held.items() if wanted.get(reply_id) != reply]
        new = [reply for reply_id, reply in wanted.items() if held.get(reply_id) != reply]
        if gone or new:
            self._change(tenant, gone, self.blocks(new))

    def settle(self) -> None:
        """Wait until nothing is being built."""
        while pending := [one for one in self._tidying.values() if not one.done()]:
            for one in pending:
                one.result()

    def _change(self, tenant: str, gone: Sequence[str], blocks: Blocks) -> None:
        without = dict.fromkeys(gone)
        with self._lock:
            before = self._of(tenant)
            self._shelves[tenant] = {
                language: change.changed(shelf, without, blocks.get(language))
                for language, shelf in before.items()
            }
            if self._keeper:  # told in the order of the changes
                found = (shelf.reply(one) for shelf in before.values() for one in without)
                self._keeper.drop(tenant, [one for one in found if one])
                for block in blocks.values():
                    self._keeper.keep(tenant, block.replies, block.vectors)
        self._tidy(tenant)

    def _of(self, tenant: str) -> Shelves:
        return self._shelves.get(tenant, {language: Shelf((), self._width) for language in LANGUAGES})

    def _remade(self, tenant: str, replies: Sequence[Reply]) -> Shelves:
        """As `_make`, of what was kept at an earlier start."""
        if not self._keeper:
            return self._make(replies)
        blocks = {}
        for language, found in _by_language(replies).items():
            recalled = self._keeper.recall(tenant, found)
            blocks[language] = block = self._maker.make_again(found, recalled)
            if block.unread is None:
                made = np.flatnonzero(~recalled.known)
                self._keeper.keep(tenant, [found[row] for row in made.tolist()], block.vectors[made])
        self._keeper.keep_only(tenant, replies)
        return self._shelved(blocks)

    def _make(self, replies: Sequence[Reply]) -> Shelves:
        return self._shelved(self.blocks(replies))

    def _shelved(self, blocks: Blocks) -> Shelves:
        empty = Shelf((), self._width)
        return {language: change.changed(empty, {}, blocks.get(language)) for language in LANGUAGES}

    def _are_samples(self, replies: Sequence[Reply]) -> bool:
        return len(replies) == len(self._samples) and all(
            self._samples.get(reply.reply_id) == reply for reply in replies
        )

    def _sample_shelves(self) -> Shelves:
        """Made once for all tenants that did not change them."""
        self.warm()
        assert self._sampled is not None  # `warm` began it
        return self._sampled.result()

    def _tidy(self, tenant: str) -> None:
        for language, shelf in self._shelves[tenant].items():
            key = (tenant, language)
            running = self._tidying.get(key)
            if change.to_merge(shelf) and (running is None or running.done()):
                self._tidying[key] = self._builder.submit(self._merge, tenant, language)
                self._tidying[key].add_done_callback(_log_failure)

    def _read(self, part: Part) -> Vectors:
        """The vectors of the current ones, those made that a start had left for later."""
        vectors = self._maker.read(part.block)
        return vectors if part.alive is None else vectors[part.alive]

    def _keep_read(self, tenant: str, shelf: Shelf, old: Sequence[Part], block: Block) -> None:
        """Remember what was made for a merged block, of what is current still."""
        unread = {id(one) for part in old for one in part.unread()}
        if self._keeper and unread:
            current = (row for part in shelf.parts if part.block is block for row, _ in part.replies())
            rows = [row for row in current if id(block.replies[row]) in unread]
            self._keeper.keep(tenant, [block.replies[row] for row in rows], block.vectors[rows])

    def _merge(self, tenant: str, language: str) -> None:
        """On the builder's thread: merge until all is well."""
        while old := change.to_merge(self._shelves[tenant][language]):
            replies = [reply for part in old for _, reply in part.replies()]
            if not replies:
                return
            block = self._maker.make(replies, np.concatenate([self._read(part) for part in old]))
            with self._lock:
                shelf = change.merged(self._shelves[tenant][language], old, block)
                self._shelves[tenant] = {**self._shelves[tenant], language: shelf}
                self._keep_read(tenant, shelf, old, block)
            structlog.get_logger().info(
                "shelf_merged", tenant=tenant, language=language, replies=len(block), parts=len(old)
            )


def _by_language(replies: Sequence[Reply]) -> dict[str, list[Reply]]:
    of = {language: [one for one in replies if one.language == language] for language in LANGUAGES}
    return {language: found for language, found in of.items() if found}


def _log_failure(merge: Future[None]) -> None:
    """A shelf that cannot be merged still serves, but somebody must know."""
    if not merge.cancelled() and (error := merge.exception()):
        structlog.get_logger().error("shelf_not_merged", exc_info=error)
