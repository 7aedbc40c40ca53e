"""Writes posts for those who ask, one request after the other, and streams them as they are sampled."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from hugtweets.config import Config
from hugtweets.devices.queue import DeviceQueue
from hugtweets.devices.selection import visible_gpus
from hugtweets.devices.thread import DeviceThread
from hugtweets.errors import HugtweetsError, Stopped
from hugtweets.generation.posts import GeneratedPost, RecentPosts
from hugtweets.models.cache import MOST_ATTACHED
from hugtweets.play.messages import Done, Event, Failed, Finished, PostsRequest, Waiting, Writing
from hugtweets.play.queue import RequestQueue
from hugtweets.play.registry import Batch, likeliest_batch, plan_batches
from hugtweets.play.streaming import stream_batch
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.generation.sampler import PartialPost

log = logging.getLogger(__name__)


class PlayService:
    """The models of a home, loaded, and the queue of requests for them."""

    def __init__(self, home: Home, config: Config) -> None:
        self.home = home
        self.posts = RecentPosts()
        self._config = config
        self._queue = RequestQueue()
        # One device is plenty for a few readers, and what is streamed does not leave the process.
        self._device = DeviceQueue([DeviceThread((*visible_gpus(), "cpu")[0])])

    def warm_up(self) -> None:
        """Load what is most likely asked for, and write a little: the first use of everything is slow.

        Raises:
            NothingKept: no account has a current model.
            BaseModelError: a base model cannot be found any more, or is another one now.
        """
        config = self._config.override({"sample": {"prompts": ["."], "per_prompt": 1, "max_characters": 20}})
        self._device.run(stream_batch, likeliest_batch(self.home, MOST_ATTACHED), config, lambda handle, partial: None)

    async def stream(self, request: PostsRequest) -> AsyncGenerator[Event]:
        """The events of a request until all is written; whoever stops listening stops the sampling.

        Before the first event it raises:
            ConfigurationError: the prompt leaves no room for a post, or a model was not taught the kind.
            NothingKept: an account has no current model.
            BaseModelError: a base model cannot be found any more, or is another one now.
            Busy: too many wait already.
        """
        # What makes no sense is said before anything is planned.
        options = self._options(request)
        batches = await asyncio.to_thread(plan_batches, self.home, request.accounts, request.base_model, request.kind)
        async with aclosing(self.events(batches, options)) as events:
            async for event in events:
                yield event

    async def write(self, batches: Sequence[Batch], number: int) -> list[GeneratedPost]:
        """As many posts of each model of some batches, in the order of the batches.

        Raises:
            Busy: too many wait already.
            HugtweetsError: they could not be written.
        """
        accounts = tuple(author.handle for batch in batches for author in batch.authors)
        options = self._options(PostsRequest(accounts=accounts, number=number))
        posts = []
        async with aclosing(self.events(batches, options)) as events:
            async for event in events:
                if isinstance(event, Failed):
                    raise HugtweetsError(event.reason)
                if isinstance(event, Finished):
                    posts.append(event.post)
        return posts

    async def events(self, batches: Sequence[Batch], options: Config) -> AsyncGenerator[Event]:
        """Events until all posts of some batches are written; whoever stops listening stops the sampling.

        Before the first event it raises:
            Busy: too many wait already.
        """
        sampling = Sampling(options, self._device, self.posts)
        ticket = self._queue.join()
        try:
            while ticket.place:
                yield Waiting(place=ticket.place)
                await ticket.wait()
            yield Waiting(place=0)
            sampling.start(batches, ticket.leave)
            while (event := await sampling.events.get()) is not None:
                yield event
        finally:
            if sampling.started:
                sampling.stop()
            else:
                ticket.leave()

    def _options(self, request: PostsRequest) -> Config:
        return self.options((request.prompt,), request.number, request.temperature, request.top_p)

    def options(
        self,
        prompts: Sequence[str],
        number: int,
        temperature: float,
        top_p: float | None = None,
        seed: int | None = None,
    ) -> Config:
        """How posts are written that are asked for like this; what is None is as usual, the seed a new one.

        Raises:
            ConfigurationError: a prompt leaves no room for a post.
        """
        from hugtweets.generation.sampler import beginning_of

        usual = self._config.sample
        options = {
            "prompts": tuple(beginning_of(prompt, usual) for prompt in prompts),
            "per_prompt": number,
            "temperature": temperature,
            "top_p": usual.top_p if top_p is None else top_p,
            "seed": secrets.randbits(32) if seed is None else seed % 2**32,
        }
        return self._config.override({"sample": options})


class Sampling:
    """One request: sampled in a thread, its events put into the event loop's queue; None is the end of them."""

    def __init__(self, config: Config, device: DeviceQueue, posts: RecentPosts) -> None:
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.started = False
        self._config = config
        self._device = device
        self._posts = posts
        self._stopped = threading.Event()
        self._loop = asyncio.get_running_loop()

    def start(self, batches: Sequence[Batch], ended: Callable[[], None]) -> None:
        """Begin; ``ended`` is called in the event loop when the device is free again."""
        self.started = True
        # A daemon: an interrupted program does not wait for a device that another process may hold for an hour.
        threading.Thread(target=self._run, args=(batches, ended), name="sampling", daemon=True).start()

    def stop(self) -> None:
        """Sample nothing more."""
        self._stopped.set()

    def _run(self, batches: Sequence[Batch], ended: Callable[[], None]) -> None:
        try:
            for batch in batches:
                self._device.run(self._stream, batch)
            self._send(Done())
        except Stopped:
            log.debug("A reader left.")
        except HugtweetsError as error:
            self._later(self.events.put_nowait, Failed(reason=str(error)))
        except Exception as error:  # the reader would wait for ever
            log.exception("A request failed.")
            self._later(self.events.put_nowait, Failed(reason=f"unforeseen {type(error).__name__}: {error}"))
        finally:
            self._later(self.events.put_nowait, None)
            self._later(ended)

    def _stream(self, batch: Batch) -> None:
        """On the device."""
        if self._stopped.is_set():
            raise Stopped("the reader left before it began")
        stream_batch(batch, self._config, lambda handle, partial: self._report(batch.digests, handle, partial))

    def _report(self, digests: Mapping[str | None, str], handle: str | None, partial: PartialPost) -> None:
        if not partial.finished:
            self._send(Writing(handle=handle, index=partial.index, text=partial.text))
            return
        options = self._config.sample
        prompt = options.prompts[partial.index // options.per_prompt]
        post = GeneratedPost.of(handle, partial.text, prompt, digests[handle], options.temperature, options.top_p)
        self._later(self._posts.add, post)
        self._send(Finished(handle=handle, index=partial.index, post=post))

    def _send(self, event: Event) -> None:
        if self._stopped.is_set():
            raise Stopped("the reader left")
        self._later(self.events.put_nowait, event)

    def _later(self, call: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the server has stopped, and its event loop with it
            self._loop.call_soon_threadsafe(call, *arguments)
