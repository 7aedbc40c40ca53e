"""The store of all machines: what one sends another finds, whole or not at all."""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hugtweets.cli.app import main
from hugtweets.errors import ConfigurationError, StoreUnavailable
from hugtweets.storage import remote
from hugtweets.storage.artifacts import MANIFEST, Plan, create, exists, is_shared, latest, obtain, references
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from tests.fixtures.stores import Throttled, bucket, here, s3_endpoint, store, there, throttled

__all__ = ["bucket", "here", "s3_endpoint", "store", "there", "throttled"]

PLAN = Plan("clean", 1, "ferryclock", config={"min_words": 3})


def fill(folder: Path) -> Mapping[str, Any]:
    (folder / "posts.txt").write_text("High water at noon.")
    (folder / "weights").mkdir()
    (folder / "weights" / "adapter.bin").write_bytes(b"\x00\xff" * 1000)
    return {"kept": 1}


def never(folder: Path) -> Mapping[str, Any]:
    raise AssertionError("it was made a second time")


def test_objects_are_read_replaced_listed_and_removed(store: Store) -> None:
    store.write("ledger/monday/00000.jsonl", b"one\n")
    first = store.version("ledger/monday/00000.jsonl")
    store.write("ledger/monday/00000.jsonl", b"one\ntwo\n")
    store.write("ledger/sunday/00000.jsonl", b"three\n")
    assert first != store.version("ledger/monday/00000.jsonl")
    assert store.sizes("ledger") == {"ledger/monday/00000.jsonl": 8, "ledger/sunday/00000.jsonl": 6}
    assert store.names("ledger") == ["monday", "sunday"]
    assert store.read(["ledger/monday/00000.jsonl"]) == {"ledger/monday/00000.jsonl": b"one\ntwo\n"}
    store.remove(["ledger/monday/00000.jsonl"])
    assert not store.has("ledger/monday/00000.jsonl")


def test_an_empty_store_has_nothing(store: Store) -> None:
    assert (store.sizes("artifacts"), store.names("timelines"), store.has("about.txt")) == ({}, [], False)
    store.check()
    assert store.has("about.txt")


def test_what_one_machine_made_another_does_not_make_again(here: Home, there: Home) -> None:
    made = create(here, PLAN, fill)
    brought = create(there, PLAN, never)
    files = {path.relative_to(made.folder): path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    assert brought.folder != made.folder
    assert len(files) == 3
    assert all(brought.folder.joinpath(name).read_bytes() == content for name, content in files.items())


def test_an_artifact_whose_manifest_was_not_sent_is_not_there_yet(store: Store, here: Home, there: Home) -> None:
    made = create(here, PLAN, fill)
    store.remove([f"{here.key(made.folder)}/{MANIFEST}"])  # as if the machine had died before its last file was sent
    assert not obtain(there, PLAN.reference(there))
    assert references(there, "ferryclock") == []
    create(here, PLAN, never)
    assert obtain(there, PLAN.reference(there))


def test_what_was_made_while_the_store_was_away_is_sent_when_it_is_asked_for_again(here: Home, there: Home) -> None:
    alone = Home(here.root)
    create(alone, PLAN, fill)
    assert not is_shared(here, PLAN.reference(here))
    create(here, PLAN, never)
    assert obtain(there, PLAN.reference(there))


def test_artifacts_of_other_machines_are_known_by_their_manifests_and_brought_when_needed(
    here: Home, there: Home
) -> None:
    create(here, PLAN, fill)
    newest = create(here, Plan("clean", 2, "ferryclock"), fill)
    known = latest(there, "ferryclock", "clean")
    assert known is not None
    assert (known.digest, known.manifest(), exists(known)) == (newest.digest, newest.manifest(), False)
    assert [found.step for found in references(there, "ferryclock")] == ["clean", "clean"]
    assert obtain(there, known)
    assert (known.folder / "weights" / "adapter.bin").read_bytes() == b"\x00\xff" * 1000


def test_a_machine_that_died_while_bringing_an_artifact_brings_it_again(here: Home, there: Home) -> None:
    create(here, PLAN, fill)
    half = PLAN.reference(there).folder
    half.mkdir(parents=True)
    (half / "posts.txt").write_text("High wa")
    assert obtain(there, PLAN.reference(there))
    assert (half / "posts.txt").read_text() == "High water at noon."


def test_a_handle_is_spelled_as_any_machine_spelled_it_first(store: Store, here: Home) -> None:
    store.write("timelines/FerryClock.parquet", b"")
    assert here.spelling("ferryclock") == "FerryClock"


def test_an_account_is_forgotten_in_the_store_as_well(
    store: Store, here: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create(here, PLAN, fill)
    store.write("timelines/ferryclock.parquet", b"posts")
    store.write("ledger/monday/00000.jsonl", b'{"run": "monday", "handle": "ferryclock", "usage": {"usd": 0.5}}\n')
    monkeypatch.setenv("HUGTWEETS_STORE", store.url)
    monkeypatch.setattr(sys, "argv", ["hugtweets", "--home", str(here.root), "forget", "ferryclock", "--yes"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert set(store.sizes("")) == {"ledger/monday/00000.jsonl"}
    assert store.read(["ledger/monday/00000.jsonl"])["ledger/monday/00000.jsonl"].count(b"ferryclock") == 0


def test_a_store_that_cannot_be_written_is_found_before_any_work(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    for url in (f"file://{tmp_path}/file/store", "s3://no-such-bucket/nightly", "gopher://hole"):
        with pytest.raises(ConfigurationError, match="HUGTWEETS_STORE"):
            Store(url).check()
    with pytest.raises(StoreUnavailable, match="no-such-bucket"):
        Store("s3://no-such-bucket/nightly").write("a", b"b")


def test_a_password_in_the_url_is_not_shown() -> None:
    assert Store("sftp://me:s3cret@example.org/folder").shown == "sftp://example.org/folder"


def test_a_store_that_is_slow_is_asked_again(throttled: Store, caplog: pytest.LogCaptureFixture) -> None:
    Throttled.failures[:] = [OSError(errno.EBUSY, "Please reduce your request rate.")]
    assert throttled.read(["a"]) == {"a": b"b"}
    assert Throttled.asked == 2
    assert ["asking again" in message for message in caplog.messages] == [True]


def test_a_store_that_says_no_is_asked_once(throttled: Store) -> None:
    Throttled.failures[:] = [PermissionError("Access Denied")]
    with pytest.raises(StoreUnavailable, match="Access Denied"):
        throttled.read(["a"])
    assert Throttled.asked == 1


def test_a_store_that_is_gone_for_long_is_waited_for_once(throttled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "WAIT_SECONDS", (0.0, 0.0))
    Throttled.failures[:] = [ConnectionResetError("reset") for _ in range(4)]
    for asked in (3, 4):
        with pytest.raises(StoreUnavailable, match="reset"):
            throttled.read(["a"])
        assert Throttled.asked == asked
    assert throttled.read(["a"]) == {"a": b"b"}
    Throttled.failures[:] = [ConnectionResetError("reset")]
    assert throttled.read(["a"]) == {"a": b"b"}
