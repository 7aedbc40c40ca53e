"""A word that the program does not know: one sentence names the nearest that it does."""

from __future__ import annotations

import pytest
import typer

from hugtweets.storage.home import Home
from tests.cli.conftest import Program


@pytest.fixture
def kept(home: Home) -> Home:
    """A home that holds posts of an account, and a mix."""
    home.timelines.mkdir(parents=True)
    home.timeline("fogbell_keeper").write_bytes(b"posts")
    (home.artifacts / "clean" / "alice+bob" / "0123").mkdir(parents=True)
    return home


def refused(program: Program, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = program(*arguments)
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert len(printed.err.strip().splitlines()) == 1
    return printed.err.removeprefix("hugtweets: ").strip()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["reprot"], "there is no command reprot: did you mean report?"),
        (["zzz"], "there is no command zzz: see `hugtweets --help`"),
        (["--hme", "x", "show", "a"], "there is no option --hme: did you mean --home?"),
        (["run", "alice", "--unitl", "clean"], "there is no option --unitl: did you mean --until?"),
        (["run", "alice", "--zzz"], "there is no option --zzz: see `hugtweets run --help`"),
        (["run", "alice", "--until", "claen"], "there is no step claen: did you mean clean?"),
        (
            ["run", "alice", "--until", "zzz"],
            "there is no step zzz: write fetch, clean, tokenise, ",
        ),
        (["refresh", "a.yaml", "--dispatch", "thread"], "there is no place thread: did you mean threads?"),
        (["run", "alice", "--source", "achive:x.zip"], "'achive:x.zip' is no source: did you mean archive:x.zip?"),
        (["run", "alice", "--source", "X"], "'X' is no source: did you mean x?"),
        (["run", "alice", "--source", "archive"], "'archive' is no source: did you mean archive:PATH?"),
        (
            ["run", "alice", "--source", "zzz:a"],
            "'zzz:a' is no source: write x, bluesky, mastodon, archive:PATH or file:PATH",
        ),
    ],
)
def test_a_mistyped_word_gets_the_nearest_one(
    program: Program, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert refused(program, capsys, *arguments).startswith(says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show"], "missing argument 'HANDLE': see `hugtweets show --help`"),
        (["sample", "-n"], "option '-n' requires an argument"),
        (["play", "--port", "high"], "invalid value for '--port'"),
    ],
)
def test_a_command_that_lacks_something_says_what(
    program: Program, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert refused(program, capsys, *arguments).startswith(says)


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "fogbel_keeper"],
        ["sample", "FogbellKeeper"],
        ["sample", "--blend", "fogbell_keper=0.5,alice=0.5"],
        ["promote", "fogbell_keepr", "3f2a"],
        ["forget", "fogbell_keeeper", "--yes"],
        ["export", "fogbellkeeper", "--to", "model"],
        ["push", "fogbell_keper", "--dry-run"],
        ["analyse", "fogbell_keper"],
        ["pretrain", "friends", "fogbell_keper"],
        ["pretrain", "friends", "fogbell_keeper", "--hold-out", "fogbell_keper"],
    ],
    ids=" ".join,
)
def test_a_mistyped_account_gets_the_nearest_one_of_the_home(
    program: Program, capsys: pytest.CaptureFixture[str], kept: Home, arguments: list[str]
) -> None:
    said = refused(program, capsys, *arguments)
    assert said.startswith("nothing is kept of ")
    assert said.endswith(f" in {kept.root}: did you mean fogbell_keeper?")


def test_a_mistyped_mix_gets_the_nearest_one(program: Program, capsys: pytest.CaptureFixture[str], kept: Home) -> None:
    assert refused(program, capsys, "show", "alice+bod").endswith("did you mean alice+bob?")


def test_an_account_unlike_all_others_is_told_how_to_make_it(
    program: Program, capsys: pytest.CaptureFixture[str], kept: Home
) -> None:
    assert refused(program, capsys, "show", "NASA").endswith("fetch it with `hugtweets run NASA`")


def test_no_command_at_all_shows_the_help(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    assert program() == 2
    printed = capsys.readouterr()
    assert "hugtweets demo" in printed.out + printed.err
    assert "hugtweets:" not in printed.err


def test_what_a_person_stops_goes_on_with_the_same_command(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(home: Home, handle: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hugtweets.cli.show.look", stopped)
    assert program("show", "alice") == 130
    assert "the same command again goes on" in capsys.readouterr().err


def test_who_does_not_confirm_leaves_all_as_it_is(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kept: Home
) -> None:
    def no(*question: object, **options: object) -> None:
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", no)
    assert program("forget", "fogbell_keeper") == 1
    assert kept.timeline("fogbell_keeper").exists()
    assert capsys.readouterr().err.strip() == "hugtweets: nothing was done"
