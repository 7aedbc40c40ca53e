"""Private things as people write them, and sentences that only look as if they held any."""

from __future__ import annotations

import pyarrow as pa
import pytest

from hugtweets.cleaning.private import mask, mask_all

HEX = "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        # mail
        ("メールはo.gull@harbour.example.orgまで", "メールは[email]まで"),
        ("gull＠harbour.example.org", "[email]"),
        ("a@harbour.example.org|b@harbour.example.org", "[email]|[email]"),
        ("'gull@harbour.example.org'", "'[email]'"),
        ("-gull@harbour.example.org", "-[email]"),
        ("to=gull@harbour.example.org", "to=[email]"),
        ("gull (@) harbour.example.org", "[email]"),
        ("gull (arroba) harbour.example.org", "[email]"),
        ("mine is harbour.gull88 at gmail dot com, thanks", "mine is [email], thanks"),
        ("harbourgull at gmail com", "[email]"),
        # phones
        ("電話は03-1234-5678です", "電話は[phone number]です"),
        ("mine: 212\N{EN DASH}555\N{EN DASH}0123", "mine: [phone number]"),
        ("mine: 212\N{NON-BREAKING HYPHEN}555\N{NON-BREAKING HYPHEN}0123", "mine: [phone number]"),
        ("phone no. 212-555-0123", "phone no. [phone number]"),
        ("to order 212-555-0123", "to order [phone number]"),
        ("📞612345678", "📞[phone number]"),
        ("☎️ 93 123 45 67", "☎️ [phone number]"),
        ("mi número es el 612345678", "mi número es el [phone number]"),
        ("llámame al 612 34 56 78", "llámame al [phone number]"),
        ("text Kevin at 2125550123", "text Kevin at [phone number]"),
        ("+234 803 123 4567", "[phone number]"),
        ("+44 20 7946 0958 2019", "[phone number] 2019"),
        ("(11) 91234-5678", "[phone number]"),
        ("8 (912) 345-67-89", "[phone number]"),
        # addresses
        ("Berliner Straße 12, oben", "[address], oben"),
        ("in der Karl-Marx-Straße 5", "in der [address]"),
        ("Lange Str. 12a", "[address]"),
        ("C/ Mayor, 5", "[address]"),
        ("Av. Diagonal 123", "[address]"),
        ("Keizersgracht 123", "[address]"),
        ("abito in via Garibaldi 12", "abito in [address]"),
        ("1904 Congress Avenue", "[address]"),
        # keys
        (f"gsk_{'aB3' * 12}", "[secret]"),
        (f"dop_v1_{HEX * 4}", "[secret]"),
        (f"glsa_{HEX * 2}_abcdef01", "[secret]"),
        (f"lost my api_key={HEX * 2}", "lost my [secret]"),
        ("secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "[secret]"),
        ("ya29.a0AfH6SMBabcdefghijklmnopqrstuvwxyz", "[secret]"),
        (f"-----BEGIN PRIVATE KEY----- MII{HEX * 2} -----END PRIVATE KEY----- oops", "[secret] oops"),
        (f"-----BEGIN RSA PRIVATE KEY----- MII{HEX * 2}", "[secret]"),
    ],
)
def test_private_things_are_known_as_people_write_them(text: str, masked: str) -> None:
    assert mask_all(pa.array([text])).to_pylist() == [masked]


@pytest.mark.parametrize(
    "text",
    [
        # numbers
        "the phone sold 1 000 000 units, the phone had 12345678 pixels",
        "number of users 12345678, number of cases: 1 234 567",
        "order number 123456789",
        "a text has 1234567 tokens, a cell divided 1234567 times",
        "100-200-3000 reps",
        "07 14 22 31 45 49, and 01/02/03/04/05",
        # streets that are none
        "the 2020 Supreme Court, 9 Supreme Court Justices, 2 High Court Judges",
        "the 2008 Wall Street crash, in 2011 Occupy Wall Street began",
        "1969 Abbey Road by the Beatles",
        "5 Google Drive links and 2 USB Drive",
        "5 Minutes Drive from here, 17 Mile Drive",
        "20 New Road Trips, 10 Best Street Photos, 24 Best Street Food stalls",
        "a 4 Lane Highway",
        "via Reuters 2019, via Twitter 12 and news via Bloomberg 5",
        "Avenida Brasil 2012",
        "Marktplatz 2023, Alexanderplatz 2019",
        "Tabellenplatz 4, Parkplatz 2, Arbeitsplatz 4, auf Startplatz 12",
        "auf dem Heimweg 5 Leute, ein Umweg 10 km, Ausweg 2",
        "Stehplatz 15 Euro, Bundesstraße 96, Hafenstraße 20 Uhr",
        "Diese Straße 5 Mal",
        # keys that are none
        "sk-learn-0-24-2-was-released-in-april",
        f"{'A' * 60}2019",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8 of task-force-2019-report-final-version",
        "the key to a good-2019-state-of-the-art-model",
        # mail
        "lunch at yahoo.com, back at amazon dot com in 1999, sign in at gmail.com",
        "ask (@bob@social.example.org) or @bob.x@social.example.org",
    ],
)
def test_what_only_looks_private_stays(text: str) -> None:
    assert mask_all(pa.array([text])).to_pylist() == [text]
    assert mask(text) == text
