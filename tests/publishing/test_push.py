"""``push``, against a Hub on loopback and through the hub's own client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest
from typer.testing import CliRunner, Result

from hugtweets.cli.app import app
from hugtweets.errors import BadHubToken, ConfigurationError, HubError, HubUnreachable, NoHubRight
from hugtweets.storage.home import Home
from tests.fixtures.exports import tweet, tweets, zipped
from tests.fixtures.flows import rows
from tests.fixtures.hub_server import TOKEN, HubServer
from tests.fixtures.learned import CONFIG, learn

# huggingface_hub 2.4 hands large files to httpx in a manner that is going out of use.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("learned"))
    written = [
        tweet(row["id"], row["text"], created_at=f"Wed Oct 12 20:{number:02}:24 +0000 2022")
        for number, row in enumerate(rows(60))
    ]
    archive = zipped(home.root / "export.zip", {"data/tweets.js": tweets(*written)})
    learn(home, config=CONFIG.override({"evaluate": {"generated": 0}}), source=f"archive:{archive}")
    return home


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    # The client reads these variables once, when it is imported.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def push(home: Home, *arguments: str, answers: str = "") -> Result:
    result = CliRunner().invoke(app, ["push", "alice", "--home", str(home.root), *arguments], input=answers)
    if isinstance(result.exception, Exception):
        raise result.exception
    return result


def test_a_model_is_uploaded_with_its_card_for_the_user_alone(learned: Home, hub: HubServer) -> None:
    printed = push(learned, "--adapter").stdout
    assert printed == f"the model of alice is at {hub.url}/me/hugtweets-alice, for you alone\n"
    assert hub.visibility == {"me/hugtweets-alice": "private"}
    assert sorted(hub.files) == [
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "generated-posts.png",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert b"model='me/hugtweets-alice'" in hub.files["README.md"]
    assert not any(TOKEN.encode() in content for content in hub.files.values())
    # Nothing but the folder of an earlier --dry-run stays.
    assert list((learned.root / "hub").iterdir()) == []


def test_a_public_repository_is_not_written_to_unless_public_is_said(learned: Home, hub: HubServer) -> None:
    hub.visibility["me/shown"] = "public"
    with pytest.raises(ConfigurationError, match=r"me/shown is there already and public: say --public"):
        push(learned, "--adapter", "--repo-id", "me/shown")
    assert hub.files == {}
    hub.files |= {"clean.parquet": b"", "theirs.txt": b""}
    assert (
        "for everybody" in push(learned, "--adapter", "--repo-id", "me/shown", "--public", "--consent", "mine").stdout
    )
    assert "README.md" in hub.files
    # What an earlier upload left goes, and what a person put there stays.
    assert "clean.parquet" not in hub.files
    assert "theirs.txt" in hub.files


def test_posts_of_the_time_of_circles_are_warned_of_on_the_card_and_before_all_can_see(
    learned: Home, hub: HubServer
) -> None:
    warning = "60 posts of an export are from August 2022 to November 2023"

    assert warning not in push(learned, "--adapter", "--dry-run").stderr
    assert warning in push(learned, "--adapter", "--dry-run", "--public").stderr
    assert f"**Warning:** {warning}" in (learned.hub("alice") / "README.md").read_text(encoding="utf-8")
    assert warning in push(learned, "--adapter", "--repo-id", "me/warned", "--public", "--consent", "mine").stderr


def test_nothing_is_public_before_somebody_said_whose_account_it_is(learned: Home, hub: HubServer) -> None:
    with pytest.raises(ConfigurationError, match=r"nobody said whose account it is: say --consent mine or"):
        push(learned, "--adapter", "--public")
    with pytest.raises(ConfigurationError, match=r"alice is not published: ask its author first"):
        push(learned, "--adapter", "--public", answers="n\nn\n")
    assert (hub.files, hub.visibility) == ({}, {})
    push(learned, "--adapter", "--public", answers="n\ny\n")
    assert b"declared that the account is that of a public figure." in hub.files["README.md"]


def test_a_dry_run_writes_the_folder_and_asks_nobody(
    learned: Home, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    printed = push(learned, "--adapter", "--dry-run").stdout
    assert "nothing was uploaded; USER/hugtweets-alice, private, would get" in printed
    assert "adapter_model.safetensors" in printed
    # Again: the folder of the earlier one gives way.
    push(learned, "--adapter", "--dry-run", "--repo-id", "me/alice")
    assert "model='me/alice'" in (learned.hub("alice") / "README.md").read_text(encoding="utf-8")
    assert hub.asked == []
    forgotten = CliRunner().invoke(app, ["forget", "alice", "--home", str(learned.root), "--json"])
    assert str(learned.hub("alice")) in forgotten.stdout


@pytest.mark.parametrize(
    ("path", "status", "error", "says"),
    [
        ("/api/whoami-v2", 401, BadHubToken, "does not accept the token"),
        ("/api/repos/create", 403, NoHubRight, "may not write to me/hugtweets-alice"),
        ("/api/repos/create", 503, HubUnreachable, "answers 503"),
        ("/api/repos/create", 400, HubError, r"with 400 \(refused by the test\)"),
    ],
)
def test_what_the_hub_refuses_is_said_in_a_sentence(
    home: Home, hub: HubServer, path: str, status: int, error: type[HubError], says: str, tmp_path: Path
) -> None:
    from pydantic import SecretStr

    from hugtweets.publishing.hub import Hub

    hub.refused[path] = status
    with pytest.raises(error, match=says) as raised:
        client = Hub(SecretStr(TOKEN))
        client.upload(tmp_path, f"{client.user()}/hugtweets-alice", private=True)
    assert type(raised.value) is error
    assert TOKEN not in str(raised.value)


def test_a_hub_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydantic import SecretStr

    from hugtweets.publishing.hub import Hub

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(HubUnreachable, match="does not answer"):
            Hub(SecretStr(TOKEN)).user()


def test_a_name_that_the_hub_would_not_take_is_refused_before_any_work(home: Home) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a repository"):
        push(home, "--repo-id", "../../etc")
