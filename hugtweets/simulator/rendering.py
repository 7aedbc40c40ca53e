"""Posts and users as X sends them: the fields that were asked for, in the dialect of the request."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from typing import Any

from hugtweets.simulator.accounts import Account, post_id, user_id
from hugtweets.simulator.pages import is_retweet
from hugtweets.simulator.problems import Body, not_found
from hugtweets.simulator.queries import PostsQuery
from hugtweets.timelines.posts import Post

SHORT_POST = 280
_HEAD = SHORT_POST - len("… https://t.co/0123456789")
_MENTION = re.compile(r"(?<![A-Za-z0-9_@])@([A-Za-z0-9_]{1,15})(?![A-Za-z0-9_])")
_LINK = re.compile(r"https?://t\.co/([A-Za-z0-9]+)")


def render_post(post: Post, account: Account, query: PostsQuery) -> Body:
    """One element of ``data``; what is not known of a post is not sent.

    The text is sent as the file holds it, which is how X escaped it. One of more than 280 characters is cut off, and
    whole in its note. A text whose end is lost ends in a link to the post itself, as one that was cut off does.
    """
    is_long = len(html.unescape(post.text)) > SHORT_POST
    text = _cut(post) if is_long else post.text
    names = query.dialect
    known: dict[str, Any] = {
        "id": post.id,
        "text": text,
        names.history: list(post.edit_ids or (post.id,)),
        names.note: {"text": post.text, "entities": _entities(post.text)} if is_long else None,
        names.references: _references(post),
        "author_id": account.id,
        "created_at": post.created_at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{post.created_at.microsecond // 1000:03}Z",
        "entities": _entities(text, post.id if is_long or post.truncated else None) or None,
        "in_reply_to_user_id": _addressee(post, account) if post.is_reply and not is_retweet(post) else None,
        "lang": post.lang,
    }
    return {name: value for name, value in known.items() if name in query.fields and value is not None}


def render_user(account: Account, fields: frozenset[str], posts: int | None = None) -> Body:
    """One user; ``posts`` is the number of its posts, if known."""
    known: dict[str, Any] = {
        "id": account.id,
        "username": account.handle,
        "name": account.name or account.handle,
        "protected": account.state == "protected",
        "public_metrics": None if posts is None else {"tweet_count": posts},
    }
    sent = fields | {"id", "username", "name"}
    return {name: value for name, value in known.items() if name in sent and value is not None}


def expand_users(posts: Iterable[Post], account: Account, query: PostsQuery) -> tuple[list[Body], list[Body]]:
    """The users that the expansions of a page bring, and an error for each mentioned name that nobody holds."""
    posts = list(posts)
    users: dict[str, Body] = {}
    problems: dict[str, Body] = {}
    if "author_id" in query.expansions and posts:
        users[account.id] = render_user(account, query.user_fields)
    if "entities.mentions.username" in query.expansions:
        names = {mention.username.casefold(): mention.name for post in posts for mention in post.mentions or ()}
        for username in (match[1] for post in posts for match in _MENTION.finditer(post.text)):
            name = names.get(username.casefold())
            if name is not None:
                users.setdefault(user_id(username), render_user(Account(username, name=name), query.user_fields))
            else:
                problems[username.casefold()] = not_found("entities.mentions.username", username)
    return list(users.values()), list(problems.values())


def _cut(post: Post) -> str:
    head = html.unescape(post.text)[:_HEAD].rstrip()
    slug = hashlib.sha256(post.id.encode()).hexdigest()[:10]
    return f"{html.escape(head, quote=False)}… https://t.co/{slug}"


def _entities(text: str, continued: str | None = None) -> dict[str, list[Body]]:
    """Mentions and links of a text; ``continued`` is the id of the post to which the last link leads."""
    mentions = [
        {"start": match.start(), "end": match.end(), "username": match[1], "id": user_id(match[1])}
        for match in _MENTION.finditer(text)
    ]
    urls = [
        {"start": match.start(), "end": match.end(), "url": match[0]} | _target(f"example.org/{match[1]}")
        for match in _LINK.finditer(text)
    ]
    if continued and urls:
        urls[-1] |= _target(f"twitter.com/i/web/status/{continued}")
    return {name: found for name, found in (("mentions", mentions), ("urls", urls)) if found}


def _target(address: str) -> dict[str, str]:
    return {"expanded_url": f"https://{address}", "display_url": address}


def _references(post: Post) -> list[Body] | None:
    if is_retweet(post):
        kinds = ["retweeted"]
    else:
        kinds = ["quoted"] * bool(post.is_quote) + ["replied_to"] * bool(post.is_reply)
    known = {"replied_to": post.replied_to}
    return [{"type": kind, "id": known.get(kind) or post_id(f"{kind} {post.id}")} for kind in kinds] or None


def _addressee(post: Post, account: Account) -> str:
    """Who is answered: the person whose name opens the post, else the account itself, in a thread."""
    opening = _MENTION.match(post.text)
    return user_id(opening[1]) if opening else account.id
