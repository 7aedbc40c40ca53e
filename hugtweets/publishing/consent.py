"""Whose account a published model is made of, as whoever publishes it declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Consent = Literal["mine", "public-figure"]
# How a card goes on after "the account".
CONSENTS: Mapping[Consent, str] = {"mine": "is their own", "public-figure": "is that of a public figure"}
