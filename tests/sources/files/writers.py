"""One timeline written as each tool writes it: what its file would look like, made from our posts."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.timelines.posts import Post

Rows = list[dict[str, Any]]
Writer = Callable[[Path, Sequence[Post]], None]
V1_TIME = "%a %b %d %H:%M:%S +0000 %Y"


def rest_v1(post: Post) -> dict[str, Any]:
    """A post as version 1.1 of the API of X sends it."""
    row: dict[str, Any] = {
        "created_at": post.created_at.strftime(V1_TIME),
        "id": int(post.id),
        "id_str": post.id,
        "full_text": post.text,
        "truncated": bool(post.truncated),
        "lang": post.lang,
        "in_reply_to_status_id_str": "17" if post.is_reply else None,
        "user": {"id_str": "9", "screen_name": post.author, "name": post.name},
        "entities": {"user_mentions": [{"screen_name": m.username, "name": m.name} for m in post.mentions or ()]},
        "is_quote_status": bool(post.is_quote),
    }
    return row | ({"retweeted_status": {"id_str": "3", "full_text": "theirs"}} if post.is_retweet else {})


def rest_v2(post: Post) -> dict[str, Any]:
    """A post as version 2 of the API of X sends it."""
    kinds = {"retweeted": post.is_retweet, "replied_to": post.is_reply, "quoted": post.is_quote}
    row: dict[str, Any] = {
        "id": post.id,
        "author_id": "9",
        "created_at": moment(post.created_at),
        "text": post.text,
        "lang": post.lang,
        "conversation_id": post.id,
        "edit_history_tweet_ids": [post.id],
        "entities": {"mentions": [{"username": m.username, "id": "7"} for m in post.mentions or ()]},
    }
    references = [{"type": kind, "id": "3"} for kind, holds in kinds.items() if holds]
    return row | ({"referenced_tweets": references} if references else {})


def moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def lines(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def table(path: Path, rows: Rows, encoding: str = "utf-8", **options: Any) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **options)
        writer.writeheader()
        writer.writerows(rows)


def save_twarc1(path: Path, posts: Sequence[Post]) -> None:
    lines(path, [rest_v1(post) for post in posts])


def save_v1_search(path: Path, posts: Sequence[Post]) -> None:
    path.write_text(json.dumps({"statuses": [rest_v1(post) for post in posts]}, indent=1), encoding="utf-8")


def save_twarc1_csv(path: Path, posts: Sequence[Post]) -> None:
    rows = [
        {
            "id": post.id,
            "tweet_url": f"https://twitter.com/{post.author}/status/{post.id}",
            "created_at": post.created_at.strftime(V1_TIME),
            "user_screen_name": post.author,
            "text": post.text,
            "tweet_type": "retweet" if post.is_retweet else "quote" if post.is_quote else "original",
            "in_reply_to_status_id": "17" if post.is_reply else "",
            "lang": post.lang or "",
            "user_name": post.name or "",
        }
        for post in posts
    ]
    table(path, rows)


def save_answers(path: Path, posts: Sequence[Post]) -> None:
    people = {m.username: m.name for post in posts for m in post.mentions or ()}
    me = {"id": "9", "username": posts[0].author, "name": posts[0].name}
    users = [me, *({"id": f"1{n}", "username": who, "name": name} for n, (who, name) in enumerate(people.items()))]
    stranger = {"id": "3", "author_id": "55", "text": "theirs", "created_at": moment(posts[0].created_at)}
    pages = [posts[start : start + 3] for start in range(0, len(posts), 3)]
    includes = {"users": users, "tweets": [stranger]}
    lines(path, [{"data": [rest_v2(post) for post in page], "includes": includes} for page in pages])


def flattened(post: Post) -> dict[str, Any]:
    row = rest_v2(post) | {"author": {"id": "9", "username": post.author, "name": post.name}}
    row["entities"] = {"mentions": [{"username": m.username, "name": m.name} for m in post.mentions or ()]}
    return row


def save_flattened(path: Path, posts: Sequence[Post]) -> None:
    lines(path, [flattened(post) for post in posts])


def save_twarc_csv(path: Path, posts: Sequence[Post], encode: Callable[[str], str] = str) -> None:
    rows = [
        {
            "id": post.id,
            "referenced_tweets.replied_to.id": "3" if post.is_reply else "",
            "referenced_tweets.retweeted.id": "3" if post.is_retweet else "",
            "referenced_tweets.quoted.id": "3" if post.is_quote else "",
            "author_id": "9",
            "created_at": moment(post.created_at),
            "text": encode(post.text),
            "lang": post.lang or "",
            "entities.mentions": json.dumps(flattened(post)["entities"]["mentions"]),
            "author.username": post.author,
            "author.name": post.name or "",
        }
        for post in posts
    ]
    table(path, rows)


def save_encoded_twarc_csv(path: Path, posts: Sequence[Post]) -> None:
    save_twarc_csv(path, posts, json.dumps)


def scraped(post: Post) -> dict[str, Any]:
    return {
        "_type": "snscrape.modules.twitter.Tweet",
        "url": f"https://twitter.com/{post.author}/status/{post.id}",
        "date": post.created_at.isoformat(),
        "rawContent": post.text,
        "id": int(post.id),
        "user": {"username": post.author, "displayname": post.name, "id": 9},
        "lang": post.lang,
        "inReplyToTweetId": 17 if post.is_reply else None,
        "retweetedTweet": {"id": 3, "rawContent": "theirs"} if post.is_retweet else None,
        "quotedTweet": {"id": 4, "rawContent": "theirs"} if post.is_quote else None,
        "mentionedUsers": [{"username": m.username, "displayname": m.name} for m in post.mentions or ()] or None,
    }


def save_snscrape(path: Path, posts: Sequence[Post]) -> None:
    lines(path, [scraped(post) for post in posts])


def save_snscrape_csv(path: Path, posts: Sequence[Post]) -> None:
    pd.DataFrame([scraped(post) for post in posts]).to_csv(path, index=False)


def twint_row(post: Post) -> dict[str, Any]:
    return {
        "id": int(post.id),
        "conversation_id": post.id,
        "created_at": post.created_at.strftime("%Y-%m-%d %H:%M:%S XYZ"),
        "date": post.created_at.strftime("%Y-%m-%d"),
        "time": post.created_at.strftime("%H:%M:%S"),
        "timezone": "+0000",
        "user_id": 9,
        "username": post.author,
        "name": post.name,
        "tweet": post.text,
        "language": post.lang,
        "mentions": [{"screen_name": m.username, "name": m.name} for m in post.mentions or ()],
        "retweet": bool(post.is_retweet),
        "quote_url": "https://twitter.com/them/status/3" if post.is_quote else "",
        "reply_to": [{"screen_name": "them", "name": "They", "id": "5"}] if post.is_reply else [],
    }


def save_twint(path: Path, posts: Sequence[Post]) -> None:
    lines(path, [twint_row(post) for post in posts])


def save_twint_csv(path: Path, posts: Sequence[Post]) -> None:
    table(path, [{k: "" if v is None else v for k, v in twint_row(post).items()} for post in posts], delimiter="\t")


def save_get_old_tweets(path: Path, posts: Sequence[Post]) -> None:
    rows = [
        {
            "username": post.author,
            "date": post.created_at.strftime("%Y-%m-%d %H:%M"),
            "text": post.text,
            "geo": "",
            "mentions": " ".join(f"@{m.username}" for m in post.mentions or ()),
            "hashtags": "",
            "id": post.id,
            "permalink": f"https://twitter.com/{post.author}/status/{post.id}",
        }
        for post in posts
    ]
    table(path, rows, encoding="utf-8-sig", delimiter=";")


def save_trump_archive(path: Path, posts: Sequence[Post]) -> None:
    rows = [
        {
            "id": post.id,
            "text": post.text,
            "isRetweet": "t" if post.is_retweet else "f",
            "isDeleted": "f",
            "device": "Twitter for iPhone",
            "date": post.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        }
        for post in posts
    ]
    table(path, rows)


def own(post: Post) -> dict[str, Any]:
    mentions = None if post.mentions is None else [{"username": m.username, "name": m.name} for m in post.mentions]
    return {
        "id": post.id,
        "created_at": post.created_at,
        "text": post.text,
        "author": post.author,
        "name": post.name,
        "lang": post.lang,
        "is_retweet": post.is_retweet,
        "is_reply": post.is_reply,
        "is_quote": post.is_quote,
        "mentions": mentions,
    }


def save_array(path: Path, posts: Sequence[Post]) -> None:
    path.write_text(json.dumps([own(post) for post in posts], indent=2, default=str), encoding="utf-8")


def save_compressed(path: Path, posts: Sequence[Post]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(own(post), default=str) + "\n" for post in posts)


def save_pandas_columns(path: Path, posts: Sequence[Post]) -> None:
    """As pandas does by itself, with times as milliseconds."""
    rows = [own(post) | {"created_at": round(post.created_at.timestamp() * 1000)} for post in posts]
    columns = {name: {str(index): row[name] for index, row in enumerate(rows)} for name in rows[0]}
    path.write_text(json.dumps(columns), encoding="utf-8")


def save_pandas_csv(path: Path, posts: Sequence[Post]) -> None:
    pd.DataFrame([own(post) for post in posts]).to_csv(path)


def save_spreadsheet(path: Path, posts: Sequence[Post]) -> None:
    """As a spreadsheet saves it: UTF-16 with tabs, other headers, and TRUE for yes."""
    rows = [
        {
            "Tweet ID": post.id,
            "Created At": post.created_at.isoformat(sep=" "),
            "Full Text": post.text,
            "Screen Name": f"@{post.author}",
            "Is Retweet": str(post.is_retweet).upper(),
        }
        for post in posts
    ]
    table(path, rows, encoding="utf-16", delimiter="\t")


def save_parquet(path: Path, posts: Sequence[Post]) -> None:
    pq.write_table(pa.Table.from_pylist([own(post) for post in posts]), path)


ALL = frozenset(("author", "name", "lang", "is_retweet", "is_reply", "is_quote", "mentions"))
WITHOUT_NAMES = frozenset(("author", "is_retweet"))
# For each tool: the end of its files, what writes them, and what they say besides id, time and text.
WRITERS: dict[str, tuple[str, Writer, frozenset[str]]] = {
    "twarc 1": (".jsonl", save_twarc1, ALL | {"truncated"}),
    "search of v1.1": (".json", save_v1_search, ALL | {"truncated"}),
    "twarc 1 CSV": (".csv", save_twarc1_csv, ALL - {"mentions"}),
    "answers of v2": (".jsonl", save_answers, ALL),
    "flattened v2": (".jsonl", save_flattened, ALL),
    "twarc-csv": (".csv", save_twarc_csv, ALL),
    "twarc-csv, encoded": (".csv", save_encoded_twarc_csv, ALL),
    "snscrape": (".jsonl", save_snscrape, ALL),
    "snscrape CSV": (".csv", save_snscrape_csv, ALL),
    "twint": (".json", save_twint, ALL),
    "twint CSV": (".csv", save_twint_csv, ALL),
    "GetOldTweets": (".csv", save_get_old_tweets, frozenset(("author",))),
    "Trump archive": (".csv", save_trump_archive, frozenset(("is_retweet",))),
    "array": (".json", save_array, ALL),
    "gzip": (".jsonl.gz", save_compressed, ALL),
    "pandas JSON": (".json", save_pandas_columns, ALL),
    "pandas CSV": (".csv", save_pandas_csv, ALL),
    "spreadsheet": (".csv", save_spreadsheet, WITHOUT_NAMES),
    "Parquet": (".parquet", save_parquet, ALL),
}
