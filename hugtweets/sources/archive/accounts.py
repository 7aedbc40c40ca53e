"""Whose an export is, by its handle of today and those before it; nothing else that it says of a person is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from pydantic import AliasChoices, AliasPath, BaseModel, Field, ValidationError

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive.files import ExportFiles
from hugtweets.sources.archive.names import ACCOUNT, EARLIER_HANDLES, USER_DETAILS
from hugtweets.sources.archive.records import unwrapped
from hugtweets.sources.fields import Text, Words

_MOST_CHANGES = 1000  # of a handle


class Account(BaseModel):
    """The account of ``account.js``, of ``user_details.js`` until 2018, or of the manifest."""

    username: Text = Field(validation_alias=AliasChoices("username", "screen_name", "userName"))
    display_name: Words = Field(None, validation_alias=AliasChoices("accountDisplayName", "full_name", "displayName"))


class Renaming(BaseModel):
    """A change of the handle, in ``screen-name-change.js``."""

    earlier: Text = Field(validation_alias=AliasPath("screenNameChange", "screenNameChange", "changedFrom"))


def find_account(files: ExportFiles, owner: object) -> Account | None:
    """Whose export it is; None if it does not say. ``owner`` is what the manifest says, where no file does."""
    for entry in (*_entries(files), owner):
        try:
            return Account.model_validate(unwrapped(entry, "account"))
        except ValidationError:
            continue
    return None


def check_account(files: ExportFiles, account: Account, handle: str) -> str | None:
    """Check that the export is of the account with a handle; returns a remark if it has another one now.

    Raises:
        UnreadableSource: it never had this handle.
    """
    now = ascii(account.username)[1:-1]
    if account.username.casefold() == handle.casefold():
        return None
    if handle.casefold() in _earlier_handles(files):
        return f"by {files.path}, the account @{handle} is called @{now} now"
    raise UnreadableSource(
        f"{files.path} is the export of @{now}, not of @{handle}: give that account's own export, or call the account "
        f"{now}"
    )


def _entries(files: ExportFiles) -> Iterator[object]:
    if ACCOUNT in files.names:
        yield from islice(files.items(ACCOUNT), 1)
    elif USER_DETAILS in files.names:
        yield files.value(USER_DETAILS)


def _earlier_handles(files: ExportFiles) -> Iterator[str]:
    """The handles that the account had before, in small letters."""
    if EARLIER_HANDLES in files.names:
        for entry in islice(files.items(EARLIER_HANDLES), _MOST_CHANGES):
            with suppress(ValidationError):
                yield Renaming.model_validate(entry).earlier.casefold()
