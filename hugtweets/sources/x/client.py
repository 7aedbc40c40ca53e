"""Requests to the X API v2: tweepy, with a host, a timeout and a token of our choice."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import tweepy  # type: ignore[import-untyped]  # tweepy ships no types
from pydantic import SecretStr
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.config import FetchConfig
from hugtweets.errors import BadToken, UnexpectedAnswer, XUnavailable
from hugtweets.sources.servers import is_loopback, validate_url
from hugtweets.sources.x.refusals import read_json, refusal
from hugtweets.sources.x.standing import Endpoint, not_asked, standing_of
from hugtweets.timelines.timeline import Gap

X_API_URL = "https://api.twitter.com"
POST_FIELDS = ["created_at", "edit_history_tweet_ids", "entities", "lang", "note_tweet", "referenced_tweets"]
# The same by the names of version 2.167, in which what a post refers to is an expansion.
NEW_POST_FIELDS = ["created_at", "entities", "lang", "note_post"]

_TOKEN = re.compile(r"[!-~]+")

Content = dict[str, Any]

# What the simulator says of its answers; believed of this machine alone, so that no server elsewhere can hide a cost.
SIMULATED = "x-simulated"


@dataclass(frozen=True)
class Answer:
    """The JSON object of an answer of status 200, and whether it costs money."""

    content: dict[str, Any]
    is_paid: bool

    def count(self, *names: str) -> int:
        """How many items a list in the answer has, such as ``includes``, ``users``; 0 if it is no list."""
        part: object = self.content
        for name in names:
            part = part.get(name) if isinstance(part, dict) else None
        return len(part) if isinstance(part, list) else 0


class XClient:
    """Asks X for users and posts, and records in the ledger what each answer cost; may be shared by threads.

    Every request raises ``AccessError``, ``RateLimited``, ``UnexpectedAnswer`` or ``XUnavailable`` if X refuses it as a
    whole, or is down. The token is given to the session alone: at level DEBUG tweepy logs the Authorization header that
    it knows of.
    """

    def __init__(self, url: str, bearer_token: SecretStr, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._tweepy = tweepy.Client(return_type=requests.Response, wait_on_rate_limit=False)
        self._tweepy.session = _Session(validate_url("X_API_URL", url), _validate_token(bearer_token), timeout_seconds)

    @classmethod
    def from_environment(cls, config: FetchConfig, bearer_token: SecretStr | None = None) -> XClient:
        """A client with the given token or that of ``X_BEARER_TOKEN``, for X or the server that ``X_API_URL`` names.

        Raises:
            BadToken: there is no token, or it holds characters that no token has.
            ConfigurationError: ``X_API_URL`` is no URL that a token may be sent to.
        """
        token = bearer_token or SecretStr(os.environ.get("X_BEARER_TOKEN", ""))
        return cls(os.environ.get("X_API_URL") or X_API_URL, token, config.timeout_seconds)

    @classmethod
    def of_run(cls, config: FetchConfig, ledger: Ledger) -> XClient:
        """As :meth:`from_environment`; that there is no token is kept for the run that writes the ledger.

        Raises:
            BadToken, ConfigurationError: as above; for an account, in few words.
        """
        try:
            return cls.from_environment(config)
        except BadToken as error:
            standing_of(ledger).end(error)
            raise not_asked(f"@{ledger.handle}", error) if ledger.handle else error from None

    def users(self, handles: Sequence[str], ledger: Ledger, config: FetchConfig) -> Content:
        """``GET /2/users/by`` for at most 100 handles; one user read is paid for each user in the answer."""
        subject = f"@{handles[0]}" + (f" and {len(handles) - 1} more" if len(handles) > 1 else "")
        answer = self._ask(
            lambda: self._tweepy.get_users(usernames=list(handles), user_fields=["protected", "public_metrics"]),
            ("users", subject),
            ledger,
            config,
        )
        _record(ledger, config, answer, users=answer.count("data"))
        return answer.content

    def posts(
        self, user_id: str, gap: Gap, token: str | None, max_results: int, ledger: Ledger, config: FetchConfig
    ) -> Content:
        """``GET /2/users/:id/tweets``: one page of a gap, newest first, replies and retweets included.

        ``max_results`` is 5 to 100; ``token`` is the ``next_token`` of the page before. One post read is paid for
        each post, and with ``config.mention_names`` one user read for each mentioned person.

        Raises:
            FieldsRefused: X knows the fields by their new names alone, by which it is asked from now on in this run.
        """
        which = {
            "max_results": max_results,
            "since_id": gap.since_id,
            "until_id": gap.until_id,
            "pagination_token": token,
            **_wanted(standing_of(ledger).knows_tweets, config.mention_names),
        }
        answer = self._ask(
            lambda: self._tweepy.request("GET", f"/2/users/{user_id}/tweets", params=which),
            ("timelines", f"@{ledger.handle or user_id}"),
            ledger,
            config,
        )
        posts = answer.count("data") + answer.count("includes", "posts")
        _record(ledger, config, answer, posts=posts, users=answer.count("includes", "users"))
        return answer.content

    def posts_by_id(self, ids: Sequence[str], ledger: Ledger, config: FetchConfig) -> Content:
        """``GET /2/tweets`` for at most 100 posts; one post read is paid for each post in the answer."""
        subject = f"{len(ids)} posts of @{ledger.handle}"
        answer = self._ask(lambda: self._tweepy.get_tweets(ids=list(ids)), ("posts", subject), ledger, config)
        _record(ledger, config, answer, posts=answer.count("data"))
        return answer.content

    def _ask(
        self, call: Callable[[], requests.Response], what: tuple[Endpoint, str], ledger: Ledger, config: FetchConfig
    ) -> Answer:
        endpoint, subject = what
        standing = standing_of(ledger)
        with standing.turn(subject, endpoint):
            try:
                response = self._send(call, subject)
            except tweepy.HTTPException as refused:
                ledger.record(Usage(requests=1), refused=True)
                raise standing.weigh(refusal(refused.response, subject), endpoint, config) from None
            answer = _read(response, subject, ledger)
            standing.answered(endpoint)
            return answer

    def _send(self, call: Callable[[], requests.Response], subject: str) -> requests.Response:
        try:
            return call()
        except requests.Timeout:
            raise XUnavailable(
                f"X did not answer within {self._timeout_seconds:g} seconds when asked for {subject}: try again later"
            ) from None
        except (requests.RequestException, HTTPError):
            raise XUnavailable(
                f"the connection to X failed or broke when asked for {subject}: check the network, or try again later"
            ) from None


def _wanted(by_old_names: bool, mention_names: bool) -> dict[str, str]:
    """The parameters that say what of a post is wanted; expansions only where needed, as X bills what they bring."""
    names = ["entities.mentions.username"] if mention_names else []
    fields, expansions = (POST_FIELDS, names) if by_old_names else (NEW_POST_FIELDS, ["referenced_posts", *names])
    wanted = {"tweet.fields" if by_old_names else "post.fields": ",".join(fields)}
    return wanted | ({"expansions": ",".join(expansions)} if expansions else {})


class _Session(requests.Session):
    """What tweepy's own session lacks: another host, a timeout, and caution with the form of refusals."""

    # What a pickled session keeps; without the last two a copy would send the token to another host.
    __attrs__: list[str] = [*requests.Session.__attrs__, "url", "timeout"]  # noqa: RUF012  # named and read by requests

    def __init__(self, url: str, bearer_token: SecretStr, timeout_seconds: float) -> None:
        super().__init__()
        self.url = url
        self.timeout = timeout_seconds
        # Set as `auth`, the token also wins over an entry of ~/.netrc, which requests would otherwise send instead.
        self.auth = _BearerAuth(bearer_token)
        # A proxy of the environment cannot reach a server on this machine.
        self.trust_env = not is_loopback(url)

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.update(timeout=self.timeout, allow_redirects=False)
        whole = partial(super().request, method, self.url + urlsplit(str(url)).path, *args, **kwargs)
        response = _within(self.timeout, whole)
        if response.status_code != 200:
            # Raised here because tweepy trusts the form of a refusal: JSON that is no object, or a reset time that is
            # no number, would surface as AttributeError or ValueError.
            raise tweepy.HTTPException(response, response_json={})
        return response

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: no redirect is followed, and an address that cannot be read must not be an error."""


def _within(seconds: float, ask: Callable[[], requests.Response]) -> requests.Response:
    """The answer, if it is whole in that time: the timeout of requests is that of each read, of however few bytes.

    A thread that is still reading is left to itself, as nothing can end it.
    """
    answer: Future[requests.Response] = Future()

    def read() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # raised again below
            answer.set_exception(error)

    threading.Thread(target=read, name="x-request", daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        raise requests.Timeout from None


class _BearerAuth(AuthBase):
    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        return request


def _read(response: requests.Response, subject: str, ledger: Ledger) -> Answer:
    """The answer in a response of status 200."""
    try:
        content = read_json(response)
    except ValueError:
        ledger.record(Usage(requests=1), refused=True)
        raise XUnavailable(f"X sent no JSON when asked for {subject}: try again later") from None
    if not isinstance(content, dict):
        ledger.record(Usage(requests=1), refused=True)
        raise UnexpectedAnswer(f"X sent JSON of an unknown form when asked for {subject}: try again later")
    is_simulated = is_loopback(response.url) and response.headers.get(SIMULATED) == "true"
    return Answer(content, is_paid=not is_simulated)


def _record(ledger: Ledger, config: FetchConfig, answer: Answer, posts: int = 0, users: int = 0) -> None:
    """Record an answer as soon as it arrives, before its posts are parsed or stored.

    A crash in between costs a page that is read again, which is recorded, and free of charge within one UTC day. In the
    other order it would lose track of money, and the next run would ask beyond the budget.
    """
    usd = (posts * config.post_usd + users * config.user_usd) * answer.is_paid
    ledger.record(Usage(requests=1, posts_read=posts, users_read=users, usd=round(usd, 6)))


def _validate_token(token: SecretStr) -> SecretStr:
    stripped = token.get_secret_value().strip()
    if not stripped:
        raise BadToken(
            "there is no X bearer token: set X_BEARER_TOKEN to the one of your app (developer portal, "
            '"Keys and tokens"), or read an account export with --source archive:PATH'
        )
    if not _TOKEN.fullmatch(stripped):
        raise BadToken("X_BEARER_TOKEN holds characters that no token has: copy it again from the developer portal")
    return SecretStr(stripped)
