"""Brings about what the deployment says, and changes it."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final, ParamSpec, Protocol, TypeVar

import structlog

from engine.assist.libraries import Libraries, Marks
from engine.bundles import deployment as deployments
from engine.bundles import ledger as ledgers
from engine.bundles.cabinet import Cabinet
from engine.bundles.deployment import BundleChange, ChangeKind, Deployment
from engine.bundles.generation import Generation, MakeGeneration
from engine.bundles.ledger import Ledger
from engine.bundles.ports import Card, Meter
from engine.bundles.switch import Switch
from engine.decision_thread import DecisionThread
from engine.errors import ConflictError, EngineError
from engine.ports import Classifier, Clock

LOOK: Final = 0.5  # seconds between two looks at what other engines changed
REST: Final = 600_000  # milliseconds that the bundle which answered last is kept for the way back
TOLD: Final = 16  # tenants whose timelines are written at once, so that messages wait for no more
_AGAIN: Final = 20  # looks after which a bundle that could not be loaded is tried again
_SWITCH: Final = 0.0005  # seconds after which loading gives the interpreter's lock away

Trip = Callable[[str, str], None]  # told, from any thread, which canary must go and why
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a deployer works with. `loading` has one thread, on which bundles are read and warmed."""

    cabinet: Cabinet
    switch: Switch
    ledger: Ledger
    make: MakeGeneration
    thread: DecisionThread
    loading: Executor
    clock: Clock
    is_shared: bool  # whether other engines use the store as well


class Watcher(Protocol):
    """Follows what is tried out."""

    def follow(
        self, deployment: Deployment, shadow: Classifier | None, meter: Meter | None, trip: Trip
    ) -> None:
        """From the decision thread: this is how things stand from now on."""
        ...


class Deployer:
    """Made on the event loop, where its coroutines run, one change at a time."""

    def __init__(self, given: Surroundings, *, watcher: Watcher) -> None:
        self._given = given
        self._watcher = watcher
        self._ledger = given.ledger
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._held: dict[str, Generation] = {}  # those that are deployed, and one that was
        self._rests_since = 0  # ms
        self._marks: dict[str, Marks] = {}  # of libraries that are prepared but do not follow yet
        self._deployment = Deployment(active=given.cabinet.home_id)
        self._problem = ""
        self._seen = 0

    @property
    def deployment(self) -> Deployment:
        """As this engine does it, or tries to."""
        return self._deployment

    @property
    def problem(self) -> str:
        """Why this engine does not do what the deployment says; "" where it does."""
        return self._problem

    async def start(self, first: Generation) -> None:
        """Take over from what was deployed before. Where that cannot be loaded, `first` serves and says why."""
        self._held = {first.bundle_id: first}
        try:
            await self._catch_up()
        except EngineError as error:
            self._fall_short(error)
            alone = Deployment(active=first.bundle_id)
            await self._given.thread.run(self._watcher.follow, alone, None, first.meter, self._trip)

    def warm(self) -> None:
        """Begin what a first message would otherwise wait for."""
        self._given.switch.serving.assist.library.warm()

    def close(self) -> None:
        """Give up what is being built."""
        for generation in self._held.values():
            generation.assist.library.close()

    async def put(self, files: Mapping[str, bytes]) -> Card:
        """Keep a bundle, and give it to the other engines. Raises: ConflictError, InvalidArgumentError."""
        async with self._lock:
            card = await self._off_path(self._given.cabinet.put, files)
            if self._given.is_shared:
                for name, number, data in ledgers.chunks(files):
                    await self._given.thread.run(self._ledger.put_chunk, card.id, name, number, data)
            return card

    async def activate(self, bundle_id: str, *, allow_older: bool, reason: str) -> None:
        """Let a bundle serve. Raises: NotFoundError, ConflictError; the one before serves on then."""
        async with self._lock:
            await self._fetch(bundle_id)
        card = self._given.cabinet.card(bundle_id)
        serving = self._given.cabinet.card(self._deployment.active)
        if card.created < serving.created and not allow_older:
            raise ConflictError(
                f"bundle {bundle_id} was made on {card.created}, before the one that serves ({serving.created}): "
                "allow older ones, or roll back"
            )
        await self._change(lambda now: deployments.activate(now, bundle_id, reason, self._now()))

    async def roll_back(self, reason: str, leave: str) -> None:
        """End a canary, or let the bundle before serve; nothing if `leave` does neither. Raises: ConflictError."""
        await self._change(lambda now: deployments.roll_back(now, leave, reason, self._now()))

    async def set_shadow(self, bundle_id: str) -> None:
        """Let a bundle read along, "" none. Raises: NotFoundError, ConflictError."""
        await self._change(lambda now: deployments.set_shadow(now, bundle_id, self._now()))

    async def set_canary(self, bundle_id: str, share: float) -> None:
        """Let a bundle answer a share of the conversations, "" none. Raises: NotFoundError, ConflictError."""
        if bundle_id:
            await self._change(lambda now: deployments.start_canary(now, bundle_id, share, self._now()))
        else:
            await self._end_canary(self._deployment.canary, ChangeKind.CANARY_ENDED, "")

    def _trip(self, bundle_id: str, reason: str) -> None:
        kind = ChangeKind.CANARY_ROLLED_BACK
        asyncio.run_coroutine_threadsafe(self._end_canary(bundle_id, kind, reason), self._loop)

    async def _end_canary(self, bundle_id: str, kind: ChangeKind, reason: str) -> None:
        """Let the serving bundle answer everything again, if it is still this one that is tried out."""

        def end(now: Deployment) -> Deployment:
            return deployments.end_canary(now, kind, reason, self._now()) if now.canary == bundle_id else now

        await self._change(end)

    async def run(self) -> None:
        """Follow what other engines change, and let go what rested long enough, until cancelled."""
        for looks in itertools.count(1):
            await asyncio.sleep(LOOK)
            await self._let_go()
            if self._given.is_shared:
                await self._look(again=looks % _AGAIN == 0)

    async def _look(self, *, again: bool) -> None:
        """Do what other engines decided, and, `again`, what could not be done before."""
        try:
            if await self._given.thread.run(self._ledger.version) != self._seen or (again and self._problem):
                async with self._lock:
                    await self._catch_up()
        except EngineError as error:
            self._fall_short(error)

    async def _catch_up(self) -> None:
        self._seen, wanted = await self._given.thread.run(self._read)
        self._deployment = wanted
        generations = await self._prepare(wanted)
        await self._given.thread.run(self._enter, wanted, generations)
        self._settle(wanted, generations)

    async def _change(self, step: Callable[[Deployment], Deployment]) -> None:
        async with self._lock:
            _, now = await self._given.thread.run(self._read)
            wanted = step(now)
            if wanted == now:
                return
            generations = await self._prepare(wanted)
            change = wanted.changes[0]
            await self._given.thread.run(self._ledger.write, wanted)
            await self._tell(change)
            await self._given.thread.run(self._enter, wanted, generations)
            self._settle(wanted, generations)
            structlog.get_logger().info(
                "model_changed",
                kind=change.kind,
                bundle=change.bundle_id,
                other=change.other_bundle_id,
                reason=change.reason,
            )

    async def _tell(self, change: BundleChange) -> None:
        tenants = self._libraries.first.tenants()
        for start in range(0, len(tenants), TOLD):
            await self._given.thread.run(self._ledger.tell, change, tenants[start : start + TOLD])

    async def _prepare(self, wanted: Deployment) -> dict[str, Generation]:
        """Everything that is named, loaded and warmed off the hot path."""
        for bundle_id in sorted(wanted.named()):
            if bundle_id not in self._held:
                await self._fetch(bundle_id)
                self._held[bundle_id] = await self._off_path(self._load, bundle_id)
        for bundle_id in sorted({wanted.active, wanted.canary} - {""}):
            library = self._held[bundle_id].assist.library
            if not self._libraries.follows(library):
                self._marks[bundle_id] = await self._off_path(self._libraries.prepare, library)
        return {bundle_id: self._held[bundle_id] for bundle_id in wanted.named()}

    def _load(self, bundle_id: str) -> Generation:
        classifier, meter = self._given.cabinet.load(bundle_id)
        return self._given.make(classifier, meter, self._given.switch.serving)

    async def _fetch(self, bundle_id: str) -> None:
        """Have the bundle on this engine's disk. Raises: NotFoundError."""
        if self._given.cabinet.holds(bundle_id) or not self._given.is_shared:
            return
        files: dict[str, bytes] = {}
        number = 0
        while part := await self._given.thread.run(self._ledger.chunk, bundle_id, number):
            for name, data in part.items():
                files[name] = files.get(name, b"") + data
            number += 1
        if files:
            await self._off_path(self._given.cabinet.put, files)

    def _read(self) -> tuple[int, Deployment]:
        version = self._ledger.version()
        return version, self._ledger.read(self._given.cabinet.home_id)

    def _enter(self, wanted: Deployment, generations: Mapping[str, Generation]) -> None:
        """On the decision thread, so between two batches."""
        serving, canary = generations[wanted.active], generations.get(wanted.canary)
        working = [one.assist.library for one in (serving, canary) if one]
        for bundle_id, marks in self._marks.items():
            self._libraries.join(self._held[bundle_id].assist.library, marks)
        self._marks = {}
        self._libraries.keep(working)
        self._given.switch.rest(list(self._held.values()))  # which one does is known only when all is done
        self._given.switch.change(serving, canary, wanted.share)
        shadow = generations.get(wanted.shadow)
        self._watcher.follow(wanted, shadow.classifier if shadow else None, serving.meter, self._trip)

    def _settle(self, wanted: Deployment, generations: Mapping[str, Generation]) -> None:
        """Keep one of those that are deployed no longer, where there is any: the way back to it is then short."""
        idle = [bundle_id for bundle_id in self._held if bundle_id not in generations]
        spare = next((one for one in reversed(wanted.earlier) if one in idle), next(iter(idle), ""))
        self._deployment, self._problem, self._rests_since = wanted, "", self._now()
        self._keep({**generations, **({spare: self._held[spare]} if spare else {})})

    async def _let_go(self) -> None:
        """What rested long enough."""
        async with self._lock:
            named = self._deployment.named()
            if not self._problem and self._held.keys() - named and self._now() >= self._rests_since + REST:
                self._keep({one: held for one, held in self._held.items() if one in named})

    def _keep(self, chosen: Mapping[str, Generation]) -> None:
        """Forget the others; calls that still use one keep it until they end."""
        gone = [one for bundle_id, one in self._held.items() if bundle_id not in chosen]
        self._held = dict(chosen)
        self._given.switch.rest(list(chosen.values()))
        for generation in gone:
            self._given.loading.submit(generation.assist.library.close)

    def _fall_short(self, error: EngineError) -> None:
        if self._problem != str(error):
            structlog.get_logger().error(
                "model_not_followed", bundle=self._deployment.active, error=str(error)
            )
        self._problem = str(error)

    async def _off_path(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._given.loading, lambda: _gently(work, *args, **kwargs))

    @property
    def _libraries(self) -> Libraries:
        return self._given.switch.serving.assist.shared.libraries

    def _now(self) -> int:
        return self._given.clock.now_ms()


def _gently(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run it, giving the interpreter's lock away more often than usual, so that messages need not wait for it."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH)
    try:
        return work(*args, **kwargs)
    finally:
        sys.setswitchinterval(usual)
