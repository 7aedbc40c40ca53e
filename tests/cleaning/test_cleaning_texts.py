"""What the rules make of a text."""

from __future__ import annotations

import pytest

from tests.fixtures.cleaning import LINK, text_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Salt &amp; pepper &lt;3", "Salt & pepper <3"),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
        ("R&Data is no entity, R&copyright neither", "R&Data is no entity, R&copyright neither"),
    ],
)
def test_entities_are_unescaped_also_twice(text: str, expected: str) -> None:
    assert text_of(text) == expected


@pytest.mark.parametrize(
    "blank", ["\n", "\r\n", "\n \n", "\t", "\u2028", "\xa0", "\u2800", "\u3000", " \u200b ", "\u2800\n\u2800\n", "  "]
)
def test_every_blank_becomes_one_space(blank: str) -> None:
    assert text_of(f"first line{blank}second line") == "first line second line"


def test_line_breaks_stay_when_asked() -> None:
    assert text_of("one \n\n\n\n two\r\nthree", line_breaks="keep") == "one\n\ntwo\nthree"


def test_invisible_characters_go_but_joiners_that_mean_something_stay() -> None:
    assert text_of("a\u200bb\u202ec\u2069 d\u200de\ufeff \ufffd\ufe0f!") == "abc de !"
    assert text_of("می\u200cخواهم ക്\u200d ok 👩🏽\u200d💻") == "می\u200cخواهم ക്\u200d ok 👩🏽\u200d💻"


def test_hidden_tag_characters_go_but_flags_made_of_them_stay() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "secret")
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    assert text_of(f"go {flag} go{hidden}") == f"go {flag} go"


def test_text_is_composed() -> None:
    assert text_of("cafe\u0301 a Vic") == "café a Vic"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"word{LINK} more", "word more"),
        (f"お腹すいた{LINK}", "お腹すいた"),
        (f"{LINK}を読んだ", "を読んだ"),
        (f"Look {LINK}🎉 now", "Look 🎉 now"),
        ("pictures pic.twitter.com/AbC_12 and t.co/AbC12", "pictures and"),
        ("see www.example.com/a?b=c#d and example.org/path/x.", "see and."),
        ("article (https://en.wikipedia.org/wiki/Goose_(bird)).", "article."),
        (f"Map of rivers:\n{LINK} {LINK}", "Map of rivers"),
        (f"Mapa …:\n{LINK}", "Mapa …"),
        (f"Two things: {LINK}, and a goose", "Two things, and a goose"),
        (f"New post - {LINK}", "New post"),
        (f"New post → [{LINK}]", "New post"),
        (f"Is it so? {LINK}", "Is it so?"),
        (f"So sad :( {LINK}", "So sad :("),
        (f"Well... {LINK}", "Well..."),
        (f"Great day.\nTickets: {LINK}\nBye now", "Great day. Bye now"),
        (f"Great story ... Read more at {LINK}", "Great story ..."),
        ("cut off https://t.…", "cut off"),
        ("10:30 and/or 1.5 U.S. e.g. node.js", "10:30 and/or 1.5 U.S. e.g. node.js"),
    ],
)
def test_links_go_with_what_only_led_to_them(text: str, expected: str) -> None:
    assert text_of(text) == expected


def test_keycaps_glued_to_links_and_hashtags_are_not_cut() -> None:
    assert text_of("look t.co/x1\ufe0f\u20e3 here") == "look here"
    assert text_of("all #ILoveGANs1\ufe0f\u20e3 too") == "all I love GANs1\ufe0f\u20e3 too"


def test_links_stay_when_asked() -> None:
    assert text_of(f"read {LINK} now", remove_links=False) == f"read {LINK} now"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@ana @bob_1 I agree with you", "I agree with you"),
        ("@ana, are you there", "are you there"),
        ("Thanks to @ana and @Nobody!", "Thanks to Ana Tide and Nobody!"),
        (".@ana is right", "Ana Tide is right"),
        ("@ana's new book", "Ana Tide's new book"),
        ("今日は@anaさんと", "今日はAna Tideさんと"),
        ("mail me at goose@ana.example or @ home", "mail me at [email] or @ home"),
        ("toot at @ana@pond.example, or @my-duck@pond.example.", "toot at Ana Tide, or my-duck."),
        ("@ana.bsky.social is right about @ana.dev.example!", "is right about Ana Tide!"),
        ("Thanks @ana.What a day, @ana.it is", "Thanks Ana Tide.What a day, Ana Tide.it is"),
    ],
)
def test_mentions_become_names_unless_they_open_a_reply(text: str, expected: str) -> None:
    assert text_of(text, {"ANA": "Ana Tide"}) == expected


def test_mentions_are_kept_or_removed_when_asked() -> None:
    assert text_of("@ana ask @bob now", opening_mentions="keep", mentions="keep") == "@ana ask @bob now"
    assert text_of("ask @bob now", mentions="remove") == "ask now"


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("ILoveGANs", "I love GANs"),
        ("100DaysOfCode", "100 days of code"),
        ("MakeItSo", "Make it so"),
        ("ThisIsATest", "This is a test"),
        ("USAHockey", "USA hockey"),
        ("APIsRock", "APIs rock"),
        ("MAGA", "MAGA"),
        ("café", "café"),
        ("covid19", "covid19"),
        ("COVID19Response", "COVID19 response"),
        ("Rio2016", "Rio 2016"),
        ("iPhone", "iPhone"),
        ("3DPrinting", "3D printing"),
        ("snake_case_tag", "snake case tag"),
        ("東京オリンピック", "東京オリンピック"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_hashtag_in_a_sentence_becomes_words(tag: str, words: str) -> None:
    assert text_of(f"all of it, #{tag} too") == f"all of it, {words} too"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Great day out #sun #sea", "Great day out"),
        (f"Great day out: #sun\n{LINK} #sea {LINK}", "Great day out"),
        ("Great day out! #sun🌞 #sea🌊", "Great day out! 🌞 🌊"),
        ("Great day#sun", "Great day#sun"),
        ("Off to #Paris", "Off to Paris"),
        (f"Off to #Paris #travel {LINK}", "Off to Paris"),
        ("I love #cats and #dogs", "I love cats and dogs"),
        ("I love #cats.", "I love cats."),
        ("We are #1", "We are #1"),
        ("keycap #️⃣ stays", "keycap #️⃣ stays"),
        ("glued #one#two here", "glued one two here"),
    ],
)
def test_closing_block_of_hashtags_goes_unless_the_sentence_needs_it(text: str, expected: str) -> None:
    assert text_of(text) == expected


def test_hashtags_are_kept_or_removed_when_asked() -> None:
    assert text_of("off to #Paris #fun", closing_hashtags="keep", hashtags="keep") == "off to #Paris #fun"
    assert text_of("all #of it", hashtags="remove") == "all it"
    assert text_of("off to #Paris #fun", hashtags="keep") == "off to #Paris"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"My own three words RT @them: theirs {LINK}", "My own three words"),
        ("My own three words MT @them theirs", "My own three words"),
        ("My own three words “@them: theirs”", "My own three words"),
        ('"@them: their words" and my own here', "and my own here"),
        (f"An old map {LINK} via @them #maps", "An old map"),
        ("An old map (via @them) of the pond", "An old map of the pond"),
    ],
)
def test_words_of_others_are_cut_off(text: str, expected: str) -> None:
    assert text_of(text) == expected


def test_own_text_is_unchanged() -> None:
    own = "«Això» és d'ell, l·l... 1/2 — 50% (sí!) C++ :-) ¯\\_(ツ)_/¯ ❤️ 🇸🇬 👍🏿 1️⃣ 全角、文字。"
    assert text_of(own) == own
