"""What is made of texts that anybody may write: facets by bytes on Bluesky, HTML on Mastodon."""

from __future__ import annotations

import html
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugtweets.sources.bluesky.answers import Feed
from hugtweets.sources.bluesky.answers import to_page as bluesky_page
from hugtweets.sources.bluesky.facets import Facet, apply_facets
from hugtweets.sources.mastodon.answers import Account
from hugtweets.sources.mastodon.answers import to_page as mastodon_page
from hugtweets.sources.mastodon.client import reset_at
from hugtweets.sources.mastodon.markup import text_of

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
KINDS = st.sampled_from(["link", "mention", "tag", "other"])
FACETS = st.builds(Facet, st.integers(-3, 60), st.integers(-3, 60), KINDS, st.text(max_size=8))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=40), st.lists(FACETS, max_size=6))
def test_no_facet_whatever_its_bytes_breaks_a_text(text: str, facets: list[Facet]) -> None:
    apply_facets(text, facets)


@given(st.text(max_size=40), st.lists(st.builds(Facet, st.integers(), st.integers(), st.just("tag")), max_size=6))
def test_facets_that_are_no_link_or_mention_leave_a_text_as_it_is(text: str, facets: list[Facet]) -> None:
    assert apply_facets(text, facets).text == text


@given(st.lists(st.tuples(WORDS, st.booleans()), min_size=1, max_size=8))
def test_links_are_put_where_their_bytes_are(parts: list[tuple[str, bool]]) -> None:
    shown, whole, facets = "", "", []
    for words, is_link in parts:
        start = len(shown.encode())
        shown += "example.org/..." if is_link else words
        whole += "https://example.org/whole" if is_link else words
        if is_link:
            facets.append(Facet(start, len(shown.encode()), "link", "https://example.org/whole"))
    assert apply_facets(shown, facets).text == whole


def test_a_link_under_words_leaves_the_words_and_a_custom_domain_becomes_a_short_name() -> None:
    text = "Read my diary, @the-harbour.example.org"
    facets = [Facet(5, 13, "link", "https://example.org"), Facet(15, 39, "mention")]
    plain = apply_facets(text, facets)
    assert (plain.text, plain.mentions) == ("Read my diary, @the_harbour", ("the_harbour",))


@pytest.mark.parametrize(
    ("shown", "uri"),
    [
        ("example.org?utm_source=a...", "https://example.org/?utm_source=abc&b=c"),
        ("bücher.example/katalog", "https://xn--bcher-kva.example/katalog"),
        ("de.example.org/wiki/Größe", "https://de.example.org/wiki/Gr%C3%B6%C3%9Fe"),
        ("example.org/diary", "https://www.example.org/diary/2"),
        ("a-very-long.name.exam…", "https://a-very-long.name.example.org/"),
    ],
)
def test_a_link_that_is_shown_short_is_whole_on_each_network(shown: str, uri: str) -> None:
    facets = [Facet(4, 4 + len(shown.encode()), "link", uri)]
    assert apply_facets(f"See {shown} now", facets).text == f"See {uri} now"
    assert text_of(f'<p>See <a href="{html.escape(uri)}">{shown}</a> now</p>') == f"See {uri} now"


@pytest.mark.parametrize("words", ["Example", "the", "Example..."])
def test_words_with_which_the_name_of_a_server_begins_are_no_address(words: str) -> None:
    uri = f"https://{words.strip('.').lower()}-harbour.org/story"
    assert apply_facets(f"See {words} now", [Facet(4, 4 + len(words), "link", uri)]).text == f"See {words} now"
    assert text_of(f'<p>See <a href="{uri}">{words}</a> now</p>') == f"See {words} now"


@given(st.lists(st.lists(WORDS.map(str.split).map(" ".join).filter(bool), min_size=1, max_size=3), min_size=1))
def test_html_of_paragraphs_and_lines_is_their_text(paragraphs: list[list[str]]) -> None:
    sent = "".join(f"<p>{'<br />'.join(map(html.escape, lines))}</p>" for lines in paragraphs)
    expected = "\n\n".join("\n".join(lines) for lines in paragraphs)
    assert text_of(sent) == expected


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("<![;", "<![;"),
        ("<p>so it is</p><![;", "so it is <![;"),
        ("https://example.org/a", "https://example.org/a"),
        ("notes.txt", "notes.txt"),
    ],
)
def test_text_that_is_hardly_html_stays_what_it_is(sent: str, text: str) -> None:
    assert text_of(sent) == text


@given(st.text(st.sampled_from("<>/&;#x=\"' abpri!-[]?\n"), max_size=60))
def test_no_html_whatever_its_form_is_an_error(sent: str) -> None:
    text_of(sent)


@pytest.mark.parametrize("depth", [2_000, 20_000])
def test_html_that_is_nested_without_end_is_read(depth: int) -> None:
    assert "the end" in text_of("<b>" * depth + "the end")


def test_links_are_whole_and_what_is_only_for_machines_is_not_there() -> None:
    sent = (
        '<p class="quote-inline">RE: <a href="https://a.example/1">a.example/1</a></p>'
        '<p>See <a href="https://example.org/long/way"><span class="invisible">https://</span>'
        '<span class="ellipsis">example.org/long</span><span class="invisible">/way</span></a>,'
        ' <span class="h-card"><a class="u-url mention">@<span>bob@example.org</span></a></span>'
        "<!-- no --><script>alert(1)</script> &amp; <a class='mention hashtag'>#<span>tea</span></a></p>"
        "<ul><li>one</li><li>two</li></ul>"
    )
    assert text_of(sent) == "See https://example.org/long/way, @bob & #tea\n\none\n\ntwo"


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("<blockquote><p>So it is, says Bob.</p></blockquote><p>It is not.</p>", "It is not."),
        ('I say to @<a href="https://b.example/profile/bob" class="mention">bob</a>', "I say to @bob"),
        ("<table><tr><td>eggs</td><td>two</td></tr><tr><td>milk</td></tr></table>", "eggs two\n\nmilk"),
    ],
    ids=["quotation", "mention of Friendica", "table"],
)
def test_html_of_other_makes_of_mastodon_is_what_its_author_wrote(sent: str, text: str) -> None:
    assert text_of(sent) == text


def status(**changed: object) -> dict[str, object]:
    sent = {"id": "1", "created_at": "2026-01-01T08:00:00Z", "content": "<p>Good morning :blob:</p>"}
    return {**sent, "visibility": "public", **changed}


def test_only_public_and_unlisted_posts_are_kept_of_mastodon() -> None:
    sent = [status(id=name, visibility=name) for name in ("public", "unlisted", "private", "direct", "limited")]
    page = mastodon_page(sent)
    assert [post.id for post in page.posts] == ["public", "unlisted"]
    assert page.below == "limited"


def test_a_content_warning_and_emoji_of_the_server_are_no_part_of_the_text() -> None:
    sent = status(spoiler_text="breakfast", emojis=[{"shortcode": "blob"}])
    assert [post.text for post in mastodon_page([sent]).posts] == ["Good morning"]


def test_no_emoji_of_the_server_leaves_two_spaces() -> None:
    sent = status(content="<p>Good :blob: morning :blob::blob:!</p>", emojis=[{"shortcode": "blob"}])
    assert [post.text for post in mastodon_page([sent]).posts] == ["Good morning !"]


def test_a_post_that_quotes_another_is_known_by_its_line_for_old_apps() -> None:
    sent = status(content='<p>So it is</p><span class="quote-inline"><br/>RE: https://a.example/1</span>')
    assert [(post.text, post.is_quote) for post in mastodon_page([sent]).posts] == [("So it is", True)]


def test_a_post_that_its_author_reposted_without_a_name_for_that_stays_a_post() -> None:
    record = {"text": "Good morning", "createdAt": "2026-01-01T08:00:00Z"}
    post = {"uri": "at://did:plc:a/app.bsky.feed.post/3k", "author": {"did": "did:plc:a"}, "record": record}
    item = {
        "post": post | {"indexedAt": "2026-01-01T08:00:00Z"},
        "reason": {"$type": "app.bsky.feed.defs#reasonRepost"},
    }
    assert [post.is_retweet for post in bluesky_page(Feed(feed=(item,)), "did:plc:a").posts] == [False]


@given(st.lists(JSON, max_size=3))
def test_what_cannot_be_understood_is_kept_or_passed_over_and_is_no_error(sent: list[object]) -> None:
    assert mastodon_page(sent).posts == ()
    assert bluesky_page(Feed(feed=tuple(sent)), "did:plc:a").posts == ()


def test_null_is_not_there_on_servers_of_other_makes_of_mastodon() -> None:
    (post,) = mastodon_page([status(mentions=None, emojis=None, language=None, reblog=None)]).posts
    assert (post.text, post.mentions) == ("Good morning :blob:", ())


@pytest.mark.parametrize("created", ["2026-01-01T08:00:00", "yesterday", None, "2031-01-01T08:00:00Z"])
def test_a_post_of_bluesky_that_says_no_time_was_written_when_it_was_seen(created: str | None) -> None:
    record = {"text": "Good morning", "createdAt": created}
    post = {"uri": "at://did:plc:a/app.bsky.feed.post/3k", "author": {"did": "did:plc:a"}, "record": record}
    page = bluesky_page(Feed(feed=({"post": post | {"indexedAt": "2026-01-02T08:00:00Z"}},)), "did:plc:a")
    assert [post.created_at for post in page.posts] == [datetime(2026, 1, 2, 8, tzinfo=UTC)]


@pytest.mark.parametrize("moved", [{"acct": "../alice"}, {"acct": None}, {}, "alice", None])
def test_an_account_that_was_left_for_none_that_can_be_moved_nowhere(moved: object) -> None:
    assert Account(id="1", username="alice", moved=moved).moved_to("mastodon.social") is None


def test_an_account_may_be_left_for_another_one_of_its_server() -> None:
    assert Account(id="1", username="alice", moved={"acct": "bob"}).moved_to("a.example") == "bob@a.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ratelimit-reset": "2030-01-01T00:00:00Z"},
        {"x-ratelimit-reset": "1893456000"},
        {"x-ratelimit-reset": "soon", "retry-after": "Tue, 01 Jan 2030 00:00:00 GMT"},
        {"retry-after": "Tue, 01 Jan 2030 00:00:00 GMT"},
    ],
)
def test_when_a_rate_limit_ends_is_understood_as_servers_write_it(headers: dict[str, str]) -> None:
    assert reset_at(headers) == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_rate_limit_that_says_no_time_has_none() -> None:
    assert reset_at({"x-ratelimit-reset": "9" * 40, "retry-after": "-"}) is None


def test_one_post_of_another_form_does_not_cost_the_page() -> None:
    page = mastodon_page([status(id="2"), status(id="1", created_at="yesterday")])
    assert ([post.id for post in page.posts], list(page.unread), page.below) == (["2"], ["1"], "1")
