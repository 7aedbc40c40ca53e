"""The command line as a person meets it: what it prints, and with which exit code it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import Timeline, save
from tests.cli.conftest import Program
from tests.fixtures.reports import learn


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['hugtweets', '--help']\n"
        "from hugtweets.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'wandb', 'prefect', 'tweepy', 'datasets', 'pyarrow', 'fastapi'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "../../etc"], "'../../etc' is no handle"),
        (["report"], "nothing is kept in"),
        (["run", "alice", "--set", "train.epoch=1"], "did you mean train.epochs?"),
        (["run", "alice", "--set", "trian.epochs=1"], "did you mean train?"),
        (["run", "alice", "--set", "train.epochs"], "write section.key=value"),
        (["run", "alice", "--set", "train.epochs=0"], "train.epochs"),
        (["run", "alice", "--set", "train.lora_rank=8", "--set", "train.method=full"], "exclude each other"),
        (["run", "alice", "ALICE"], "named twice"),
        (["run", "alice", "--source", "twitter"], "is no source"),
        (["run", "alice", "bob", "--source", "file:posts.csv"], "holds one account"),
        (["refresh", "nowhere.yaml"], "cannot be read"),
        (["sample", "alice"], "there is no model of alice"),
        (["show", "alice"], "nothing is kept of alice"),
        (["forget", "alice", "--yes"], "nothing is kept of alice"),
        (["simulate-x", "."], "holds no timelines"),
    ],
)
def test_a_senseless_request_is_one_sentence_and_code_2(
    program: Program,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code = program(*arguments)
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert says in printed.err
    assert len(printed.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("acounts: [alice]", "did you mean accounts?"),
        ("accounts: []", "lists no accounts"),
        ("accounts: [{handle: alice, trian: {epochs: 1}}]", "did you mean train?"),
        ("accounts: [{handle: alice, train: {epoch: 1}}]", "did you mean train.epochs?"),
        ("defaults: {train: {epoch: 1}}\naccounts: [alice]", "did you mean train.epochs?"),
        ("accounts: [{source: x}]", "has no handle"),
        ("accounts: [{handle: alice, refresh: {parallel: 2}}]", "alice sets refresh.parallel, which is one for all"),
        ("accounts: [{handle: alice, fetch: {month_budget_usd: 2}}]", "write it once, under `defaults`"),
        ("accounts: [{handle: alice, fetch: {retries: 1}}]", "alice sets fetch.retries, which is one for all"),
        ("accounts: [{handle: alice, tracking: {mode: offline}}]", "alice sets tracking.mode, which is one for all"),
        ("accounts: [alice, Alice]", "named twice"),
        ("accounts: ['<script>']", "is no handle"),
        ("accounts: [!!python/object/apply:os.system ['true']]", "is not YAML"),
        ("accounts: [alice", "is not YAML"),
        ("- alice", "must hold a mapping"),
    ],
)
def test_a_bad_accounts_file_names_the_key(
    program: Program, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: str, says: str
) -> None:
    path = write(tmp_path / "accounts.yaml", content)
    assert program("refresh", path) == 2
    assert says in capsys.readouterr().err


def test_a_traceback_is_shown_only_on_request(program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    program("sample", "alice")
    quiet = capsys.readouterr().err
    program("sample", "alice", "-v")
    assert "Traceback" not in quiet
    assert "Traceback" in capsys.readouterr().err


def test_home_may_stand_before_or_behind_the_command(
    program: Program, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program("--home", str(tmp_path / "one"), "show", "alice")
    before = capsys.readouterr().err
    program("show", "alice", "--home", str(tmp_path / "two"))
    assert str(tmp_path / "one") in before
    assert str(tmp_path / "two") in capsys.readouterr().err


def test_doctor_reports_without_revealing_a_secret(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_BEARER_TOKEN", "s3cret-token")
    monkeypatch.setenv("X_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert program("doctor", "--json") == 0
    printed = capsys.readouterr().out
    found = {finding["subject"]: finding for finding in json.loads(printed)["findings"]}
    assert found["X API"]["verdict"] == "optional"
    assert "cannot be reached" in found["X API"]["detail"]
    assert "s3cret-token" not in printed


def test_forget_deletes_all_and_keeps_the_others(
    program: Program, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    for handle in ("alice", "bob"):
        for folder in (home.artifacts / "clean" / handle / "0123", home.results):
            folder.mkdir(parents=True, exist_ok=True)
        home.timelines.mkdir(exist_ok=True)
        home.timeline(handle).write_bytes(b"posts")
        (home.results / f"hugtweets-clean-{handle}-0123").write_text("{}")
    assert program("forget", "Alice", "--yes", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["deleted"]) == 3
    assert home.known_handles() == ["bob"]
    assert [path.name for path in home.results.iterdir()] == ["hugtweets-clean-bob-0123"]


def test_the_report_shows_all_accounts_but_those_that_were_forgotten(
    program: Program, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    for handle in ("alice", "bob"):
        learn(home, handle)
    untracked = ["--set", "tracking.mode=disabled", "--json"]
    assert program("report", *untracked) == 0
    assert json.loads(capsys.readouterr().out)["made"] == ["alice", "bob"]
    assert program("forget", "bob", "--yes") == 0
    assert [path.name for path in home.report.rglob("*bob*")] == []
    pages = [path.read_text(encoding="utf-8") for path in home.report.rglob("*") if path.is_file()]
    assert [text for text in pages if "bob" in text.replace("@bob", "")] == []
    capsys.readouterr()
    assert program("report", *untracked) == 0
    assert json.loads(capsys.readouterr().out)["made"] == []


def test_a_dry_run_says_the_most_it_may_cost(
    program: Program, capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Home
) -> None:
    # No server, no token: any request would fail.
    accounts = "accounts: [alice, {handle: bob, fetch: {budget_usd: 1}}, {handle: carol, source: 'file:carol.csv'}]"
    path = write(tmp_path / "accounts.yaml", accounts)
    assert program("refresh", path, "--dry-run", "--json", "--set", "fetch.max_posts=1000") == 0
    estimate = json.loads(capsys.readouterr().out)
    assert [account["usd"] for account in estimate["accounts"]] == [5.03, 1.01, 0]
    assert (estimate["usd"], estimate["spent_this_month_usd"]) == (6.04, 0)
    Ledger(home.ledger, "earlier").record(Usage(requests=1, users_read=100, usd=1))
    assert program("refresh", path, "--dry-run", "--set", "fetch.month_budget_usd=4") == 0
    assert "all together: at most $3.00" in capsys.readouterr().out


def test_a_dry_run_of_a_verification_counts_the_stored_posts(
    program: Program, capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Home
) -> None:
    posts = [Post(str(number), datetime(2024, 1, 1, tzinfo=UTC), "hi", source="x") for number in range(200)]
    save(home.timeline("alice"), Timeline().merged(posts).verified(["1"], ["1"], datetime.now(UTC)))
    path = write(tmp_path / "accounts.yaml", "accounts: [alice, {handle: bob, fetch: {budget_usd: 0.5}}]")
    assert program("refresh", path, "--dry-run", "--verify", "--json", "--set", "fetch.max_posts=1000") == 0
    estimate = json.loads(capsys.readouterr().out)
    assert [(account["posts"], account["usd"]) for account in estimate["accounts"]] == [(1203, 6.025), (100, 0.51)]


def test_verification_without_an_account_on_x_makes_no_sense(
    program: Program, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "accounts.yaml", "accounts: [{handle: alice, source: 'file:alice.csv'}]")
    assert program("refresh", path, "--verify") == 2
    assert "names files only" in capsys.readouterr().err


def test_doctor_says_what_was_spent_this_month(
    program: Program, capsys: pytest.CaptureFixture[str], home: Home
) -> None:
    Ledger(home.ledger, "earlier").record(Usage(requests=1, users_read=100, usd=1))
    program("doctor", "--json")
    found = {finding["subject"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert "$1.00 this month;" in found["spent on X"]["detail"]


@pytest.mark.parametrize(("budget", "verdict"), [(1.03, "ok"), (1.02, "optional")])
def test_doctor_holds_what_was_spent_against_the_month_s_budget(
    program: Program, capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Home, budget: float, verdict: str
) -> None:
    Ledger(home.ledger, "earlier").record(Usage(requests=1, users_read=100, usd=1))
    accounts = f"defaults: {{fetch: {{month_budget_usd: {budget}}}}}\naccounts: [alice]"
    program("doctor", write(tmp_path / "accounts.yaml", accounts), "--json")
    (found,) = [f for f in json.loads(capsys.readouterr().out)["findings"] if f["subject"] == "spent on X"]
    assert (f"$1.00 this month of at most ${budget:.2f}" in found["detail"], found["verdict"]) == (True, verdict)
