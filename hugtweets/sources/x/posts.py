"""Posts as X sends them, turned into posts as they are stored."""

from __future__ import annotations

from datetime import UTC

from hugtweets.sources.x.answers import PostsAnswer, SentPost
from hugtweets.timelines.posts import Mention, Post


def to_posts(answer: PostsAnswer) -> list[Post]:
    """The posts of a page; display names of mentioned people are there only if they were paid for."""
    names = {user.username.casefold(): user.name for user in answer.includes.users}
    return [_to_post(sent, names) for sent in answer.data]


def _to_post(sent: SentPost, names: dict[str, str]) -> Post:
    # `text` of a long post is cut near 280 characters; its note has all of it, and the mentions in all of it.
    whole = sent.note or sent
    references = {reference.type for reference in sent.references}
    is_retweet = "retweeted" in references
    return Post(
        id=sent.id,
        created_at=sent.created_at.astimezone(UTC),
        text=whole.text,
        lang=sent.lang,
        is_retweet=is_retweet,
        is_reply="replied_to" in references,
        is_quote="quoted" in references,
        truncated=sent.note is None and _is_cut(sent, is_retweet),
        # X names an unedited post as its own only version; None says as much.
        edit_ids=sent.edit_ids if len(sent.edit_ids) > 1 else None,
        mentions=tuple(
            Mention(mention.username, names.get(mention.username.casefold())) for mention in whole.entities.mentions
        ),
        source="x",
    )


def _is_cut(sent: SentPost, is_retweet: bool) -> bool:
    """X cuts native retweets at 140 characters; any other text that it cut ends in a link to the post itself."""
    if is_retweet:
        return sent.text.endswith("…")
    return any(link.expanded_url.endswith(f"/status/{sent.id}") for link in sent.entities.urls)
