"""Tokens say whether a base model knows the language of the posts."""

from __future__ import annotations

from hugtweets.steps.tokenise import language_remark


def test_a_base_model_that_spells_a_language_is_said_to_hardly_know_it() -> None:
    assert language_remark("SmolLM2-135M", 0.27) is None
    remark = str(language_remark("SmolLM2-135M", 0.59))
    assert "takes 0.59 tokens a byte" in remark
    assert "train.base_model=gemma-3-270m" in remark
