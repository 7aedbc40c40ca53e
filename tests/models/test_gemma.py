"""Gemma from its packages: whole or refused, and used after its terms are accepted only."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hugtweets.cli.app import app
from hugtweets.cli.terms import agree_to_terms
from hugtweets.config import Config
from hugtweets.errors import BaseModelError, ConfigurationError
from hugtweets.models.gemma import GEMMA, SplitModel
from hugtweets.models.registry import chat_reason, resolve_base_model
from hugtweets.models.terms import NOTICE, NOTICE_TEXT, TERMS, accept, is_accepted, leave_terms, pass_terms_on
from hugtweets.steps.reader import reader_named
from hugtweets.storage.home import Home
from tests.fixtures.tiny_models import save_tiny_model

PIECES = (b"GGUF and so on, ", b"the middle, ", b"more, ", b"the end")
SPLIT = SplitModel("tiny", "tiny.gguf", hashlib.sha256(b"".join(PIECES)).hexdigest(), "tiny_packaged_gguf", len(PIECES))


def install(site: Path, model: SplitModel, terms: str = "<h2>Terms</h2><p>Be\n good.</p>") -> None:
    """Packages as those on PyPI, but for what is in them."""
    for number, content in enumerate(PIECES):
        put(site / f"{model.package}_part{number + 1}", f"{model.file}.part0{number}", content)
    put(site / model.package, "SOME_TERMS.html", terms.encode())


def put(package: Path, name: str, content: bytes) -> None:
    (package / "data").mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (package / "data" / name).write_bytes(content)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that packages are found in."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def gemma(site: Path) -> Path:
    """Gemma's packages, with other weights in them."""
    install(site, GEMMA)
    return site


def test_pieces_make_the_whole_file(site: Path, tmp_path: Path) -> None:
    assert not SPLIT.is_installed()
    install(site, SPLIT)
    assert SPLIT.is_installed()
    SPLIT.join(tmp_path / "whole.gguf")
    assert (tmp_path / "whole.gguf").read_bytes() == b"".join(PIECES)


def test_a_missing_or_damaged_piece_is_one_sentence(site: Path, tmp_path: Path) -> None:
    install(site, SPLIT)
    damaged = next((site / "tiny_packaged_gguf_part2" / "data").iterdir())
    damaged.write_bytes(b"something else")
    with pytest.raises(BaseModelError, match="packages of tiny are damaged"):
        SPLIT.join(tmp_path / "whole.gguf")
    damaged.unlink()
    with pytest.raises(BaseModelError, match=r'tiny is not installed.*pip install "hugtweets\[gemma\]"'):
        SPLIT.join(tmp_path / "whole.gguf")


def test_nothing_is_done_with_gemma_before_its_terms_are_accepted(home: Home, gemma: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no open-source licence.*hugtweets terms --accept"):
        resolve_base_model("gemma-3-270m", home)
    result = CliRunner().invoke(app, ["terms", "--accept", "--home", str(home.root)])
    assert "Be good." in result.stdout and "are accepted" in result.stderr
    with pytest.raises(BaseModelError, match="damaged"):
        resolve_base_model("gemma-3-270m", home)
    assert [path.name for path in home.models.iterdir()] == ["accepted-terms.json"]


def test_terms_that_changed_are_accepted_again(home: Home, gemma: Path) -> None:
    accept(home)
    assert is_accepted(home)
    page = gemma / GEMMA.package / "data" / "SOME_TERMS.html"
    page.rename(page.with_name("NEW_TERMS.html")).write_text("<p>Be better.</p>")
    assert not is_accepted(home)


@pytest.mark.parametrize(
    ("command", "option"),
    [("run", "--set=train.base_model=gemma-3-270m"), ("sweep", "--vary=train.base_model=auto,gemma-3-270m")],
)
def test_a_run_that_nobody_watches_is_refused_before_anything_is_fetched(
    home: Home, gemma: Path, tmp_path: Path, command: str, option: str
) -> None:
    agree_to_terms(home, {"auto", "packaged"})
    arguments = [command, "alice", "--source", f"file:{tmp_path / 'x.csv'}", option]
    (tmp_path / "x.csv").write_text("id,created_at,text\n")
    result = CliRunner().invoke(app, [*arguments, "--home", str(home.root)])
    assert isinstance(result.exception, ConfigurationError) and "hugtweets terms --accept" in str(result.exception)
    assert not home.timelines.exists()


def test_terms_go_wherever_the_weights_go(gemma: Path, tmp_path: Path) -> None:
    base, made, plain = (tmp_path / name for name in ("base", "made", "plain"))
    for folder in (base, made, plain):
        folder.mkdir()
    leave_terms(base)
    assert pass_terms_on(base, made)
    assert "Be good." in (made / TERMS).read_text() and (made / NOTICE).read_text().startswith(NOTICE_TEXT)
    assert not pass_terms_on(plain, made)


@pytest.mark.parametrize(
    ("name", "settings", "reason"),
    [
        ("Some-135M-Instruct.Q4_1", {}, "its name says"),
        ("some-4b-it", {}, "its name says"),
        ("itself", {}, None),
        ("plain", {"chat_template": "{{ messages }}"}, "its tokenizer has a chat template"),
    ],
)
def test_a_chat_model_is_said_to_be_one(
    home: Home,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    settings: dict[str, str],
    reason: str | None,
) -> None:
    folder = save_tiny_model(tmp_path / name)
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with caplog.at_level(logging.INFO, "hugtweets"):
        found = resolve_base_model(str(folder), home)
    assert chat_reason(found) == reason
    assert (f"{name} is a chat model, as {reason}" in caplog.text) == (reason is not None)


@pytest.mark.parametrize(
    ("base_model", "reader", "named"),
    [
        ("auto", "auto", GEMMA.name),
        ("pool:people", "auto", GEMMA.name),
        ("auto", "packaged", "packaged"),
        (GEMMA.name, "auto", "auto"),
        ("somebody/large-7b", "auto", "auto"),
    ],
)
@pytest.mark.usefixtures("gemma")
def test_it_reads_what_a_weaker_model_wrote(home: Home, base_model: str, reader: str, named: str) -> None:
    config = Config().override({"train": {"base_model": base_model}, "evaluate": {"reader": reader}})
    assert reader_named(home, config) == reader
    accept(home)
    assert reader_named(home, config) == named
