"""Writes posts for those who ask, one request after the other, and tells each as it goes along."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from hugtweets.config import Config
from hugtweets.devices.queue import DeviceQueue
from hugtweets.devices.selection import visible_gpus
from hugtweets.devices.thread import DeviceThread
from hugtweets.errors import HugtweetsError, Stopped
from hugtweets.generation.posts import WrittenPosts, write_post
from hugtweets.models.cache import MOST_WORN
from hugtweets.play.cast import Part, opening, parts_of
from hugtweets.play.line import Line
from hugtweets.play.messages import Done, Event, Failed, PostsRequest, Waiting, Writing, Written
from hugtweets.play.speaking import speak
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.generation.sampler import Heard

log = logging.getLogger(__name__)


class Stage:
    """The models of a home, warm, and the line of those who wait for them."""

    def __init__(self, home: Home, config: Config) -> None:
        self.home = home
        self.posts = WrittenPosts()
        self._config = config
        self._line = Line()
        # One device is plenty for a few readers, and what is told token by token does not leave the process.
        self._device = DeviceQueue([DeviceThread((*visible_gpus(), "cpu")[0])])

    def warm_up(self) -> None:
        """Load what is most likely asked for, and write a little: the first use of everything is slow.

        Raises:
            NothingKept: no account has a current model.
            BaseModelError: a base model cannot be found any more, or is another one now.
        """
        config = self._config.override({"sample": {"prompts": ["."], "per_prompt": 1, "max_characters": 20}})
        self._device.run(speak, opening(self.home, MOST_WORN), config, lambda handle, heard: None)

    async def perform(self, request: PostsRequest) -> AsyncGenerator[Event]:
        """What becomes of a request until all is written; whoever stops listening stops the drawing.

        Before the first event it raises:
            ConfigurationError: the prompt leaves no room for a post.
            NothingKept: an account has no current model.
            BaseModelError: a base model cannot be found any more, or is another one now.
            Busy: too many wait already.
        """
        drawing = Drawing(self._options(request), self._device, self.posts)
        parts = await asyncio.to_thread(parts_of, self.home, request.accounts, request.base_model)
        ticket = self._line.join()
        try:
            while ticket.place:
                yield Waiting(place=ticket.place)
                await ticket.wait()
            yield Waiting(place=0)
            drawing.start(parts, ticket.leave)
            while (event := await drawing.events.get()) is not None:
                yield event
        finally:
            if drawing.started:
                drawing.stop()
            else:
                ticket.leave()

    def _options(self, request: PostsRequest) -> Config:
        from hugtweets.generation.sampler import beginning_of

        drawing = {
            "prompts": (beginning_of(request.prompt, self._config.sample),),
            "per_prompt": request.number,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": secrets.randbits(32),
        }
        return self._config.override({"sample": drawing})


class Drawing:
    """One request on its way: drawn in a thread, told in the event loop; None is the end of its events."""

    def __init__(self, config: Config, device: DeviceQueue, posts: WrittenPosts) -> None:
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.started = False
        self._config = config
        self._device = device
        self._posts = posts
        self._stopped = threading.Event()
        self._loop = asyncio.get_running_loop()

    def start(self, parts: Sequence[Part], ended: Callable[[], None]) -> None:
        """Begin; ``ended`` is called in the event loop when the device is free again."""
        self.started = True
        # A daemon: an interrupted program does not wait for a device that another process may hold for an hour.
        threading.Thread(target=self._run, args=(parts, ended), name="drawing", daemon=True).start()

    def stop(self) -> None:
        """Draw nothing more."""
        self._stopped.set()

    def _run(self, parts: Sequence[Part], ended: Callable[[], None]) -> None:
        try:
            for part in parts:
                self._device.run(self._speak, part)
            self._tell(Done())
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

    def _speak(self, part: Part) -> None:
        """On the device."""
        if self._stopped.is_set():
            raise Stopped("the reader left before it began")
        speak(part, self._config, lambda handle, heard: self._hear(part, handle, heard))

    def _hear(self, part: Part, handle: str | None, heard: Heard) -> None:
        if not heard.finished:
            self._tell(Writing(handle=handle, index=heard.index, text=heard.text))
            return
        options = self._config.sample
        post = write_post(
            handle, heard.text, options.prompts[0], part.model_of(handle), options.temperature, options.top_p
        )
        self._later(self._posts.add, post)
        self._tell(Written(handle=handle, index=heard.index, post=post))

    def _tell(self, event: Event) -> None:
        if self._stopped.is_set():
            raise Stopped("the reader left")
        self._later(self.events.put_nowait, event)

    def _later(self, call: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the server has stopped, and its event loop with it
            self._loop.call_soon_threadsafe(call, *arguments)
