"""The sections of the options: one pydantic model each, strict, frozen, with a default for everything."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, model_validator

POSTS_PER_STEP = 4
DEFAULT_PROMPTS = ("I think that", "I like", "I don't like", "I want", "My dream is")

Dispatch = Literal["threads", "ray", "pool"]
Precision = Literal["auto", "float32", "bfloat16", "float16", "8bit", "4bit"]
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


def _layers(text: str) -> str:
    if not re.fullmatch(r"all|(top|bottom):[1-9][0-9]*", text):
        raise ValueError(f"train.layers={text} is unknown: write all, top:N or bottom:N, such as top:15")
    return text


def _text(prompt: str) -> str:
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise ValueError(f"sample.prompts: {prompt!a} is no valid Unicode: write it in UTF-8") from None
    return prompt


class Section(BaseModel):
    """A group of options. Unknown keys are errors; values never change after the check."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def _refuse(self, section: str, option: str, names: Iterable[str], why: str) -> None:
        """Raise ValueError if one of the options is set that the value of another one excludes."""
        for name in names:
            if getattr(self, name) is not None:
                excluding = f"{section}.{option}={getattr(self, option)}"
                raise ValueError(f"{section}.{name} and {excluding} exclude each other: {why}")


class FetchConfig(Section):
    """What is read from X or its export, at what price, and how patiently."""

    max_posts: Annotated[int, Field(ge=5, le=3200)] = Field(
        3200, description="posts of an account to read from X in all"
    )
    budget_usd: NotNegative | None = Field(
        None, description="most that one account may cost in a run: stop before the page that might cost more"
    )
    run_budget_usd: NotNegative | None = Field(None, description="most that all accounts of a run may cost together")
    month_budget_usd: NotNegative | None = Field(
        None, description="most that all runs of a calendar month (UTC) may cost together"
    )
    mention_names: bool = Field(False, description="buy the display names of mentioned people (one user read each)")
    deleted_posts: bool = Field(False, description="read also the posts of an export that were deleted on X")
    post_usd: NotNegative = Field(0.005, description="price of reading one post, USD")
    user_usd: NotNegative = Field(0.010, description="price of reading one user, USD")
    timeout_seconds: Positive = Field(30.0, description="how long a whole answer of X may take")
    retries: Annotated[int, Field(ge=0, le=10)] = Field(4, description="attempts after a failure that can pass")
    retry_delay_seconds: NotNegative = Field(2.0, description="wait before the first retry; it doubles each time")
    max_wait_seconds: NotNegative = Field(900.0, description="a rate limit that ends within this is waited for")


class CleanConfig(Section):
    """Which posts are kept, and what is taken out of them."""

    keep_retweets: bool = Field(False, description="keep what others wrote")
    keep_truncated: bool = Field(False, description="keep posts whose end is lost")
    min_words: Annotated[int, Field(ge=0)] = Field(3, description="own words a post must have")
    unescape_html: bool = Field(True, description="turn &amp; into &")
    remove_links: bool = Field(True, description="take links out")
    mentions: Literal["names", "keep", "remove"] = Field("names", description="what becomes of @handle in a sentence")
    opening_mentions: Literal["remove", "keep"] = Field("remove", description="mentions that merely open a reply")
    closing_hashtags: Literal["remove", "keep"] = Field("remove", description="a block of hashtags at the end")
    hashtags: Literal["words", "keep", "remove"] = Field("words", description="hashtags inside the sentence")
    line_breaks: Literal["space", "keep"] = Field("space", description="what becomes of line breaks")
    private: Literal["mask", "drop", "keep"] = Field(
        "mask", description="addresses of mail and houses, phone and account numbers, keys; drop leaves the post out"
    )
    drop_duplicates: bool = Field(True, description="keep near-identical posts once")
    held_out_share: Share = Field(
        0.1, description="the newest kept posts, the test posts: a model is judged by them, and nothing chosen"
    )
    validation_share: Share = Field(
        0.05, description="the kept posts before those: when to stop and which options are best is chosen by them"
    )
    min_characters: Annotated[int, Field(ge=0)] = Field(6_000, description="kept text below this skips the account")
    warn_characters: Annotated[int, Field(ge=0)] = Field(40_000, description="kept text below this is warned of")


class TrainConfig(Section):
    """How the base model becomes the account's."""

    base_model: str = Field(
        "auto", description="auto, packaged, gemma-3-270m, a hub id, a folder, a GGUF file, or pool:NAME"
    )
    method: Literal["lora", "full"] = Field("lora", description="train adapters, or every weight")
    layers: Annotated[str, AfterValidator(_layers)] = Field(
        "all", description="what learns: all, or transformer layers alone, top:N (nearest the output) or bottom:N"
    )
    epochs: PositiveInt = Field(1, description="passes over the posts, fewer if the validation loss rises")
    lr: Positive | None = Field(None, description="learning rate; None chooses it by method and base model")
    schedule: Literal["cosine", "linear", "constant"] = Field("linear", description="how the rate falls")
    warmup_share: Share | None = Field(
        None, description="share of the steps in which the rate rises; None is 0.05, but 10 steps or a third at least"
    )
    weight_decay: NotNegative = Field(0.0, description="decoupled weight decay")
    posts_per_step: PositiveInt = Field(
        POSTS_PER_STEP, description="posts packed into one row, from which an update is computed"
    )
    gradient_accumulation_steps: PositiveInt = Field(
        1, description="packs of posts_per_step posts that one update is computed from"
    )
    tokens_per_step: Annotated[int, Field(ge=16)] | None = Field(
        None, description="instead of posts_per_step: rows of about so many tokens, however many posts those are"
    )
    max_tokens: Annotated[int, Field(ge=16)] = Field(256, description="tokens of a post that are read")
    max_posts: PositiveInt | None = Field(None, description="use at most this many posts, the newest")
    max_training_posts: PositiveInt | None = Field(
        None, description="train on at most this many of them, the newest; validation and test posts stay the same"
    )
    kinds: bool = Field(
        True, description="learn to tell posts, replies and quotes apart, where there are 20 of two of them or more"
    )
    lora_rank: PositiveInt | None = Field(None, description="rank of the adapters (12); lora only")
    lora_alpha: Positive | None = Field(None, description="scale of the adapters (2 x rank); lora only")
    patience: PositiveInt = Field(1, description="epochs without a better validation loss before stopping")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="seed of order and initialisation")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where to train and sample")
    precision: Precision = Field(
        "auto", description="numbers that are computed with; 8bit and 4bit hold the base model in so many bits a weight"
    )
    save_memory: Literal["auto", "never", "always"] = Field(
        "auto", description="compute parts of a step twice instead of keeping them: auto if they would not fit"
    )

    @model_validator(mode="after")
    def _one_size_of_rows(self) -> TrainConfig:
        if self.tokens_per_step is not None and self.posts_per_step != POSTS_PER_STEP:
            raise ValueError(
                f"train.posts_per_step={self.posts_per_step} and train.tokens_per_step={self.tokens_per_step} "
                "exclude each other: leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _adapters_only_with_lora(self) -> TrainConfig:
        if self.method != "lora":
            self._refuse("train", "method", ("lora_rank", "lora_alpha"), "only lora has adapters")
            if self.precision in ("8bit", "4bit"):
                raise ValueError(
                    f"train.precision={self.precision} and train.method={self.method} exclude each other: "
                    "only adapters learn beside weights of so few bits"
                )
        return self


class PretrainConfig(Section):
    """How a base model learns the posts of many people, before it becomes one account's."""

    base_model: str = Field("auto", description="what learns them: as train.base_model, but no pool:NAME")
    method: Literal["lora", "full"] = Field("lora", description="train adapters and merge them, or every weight")
    epochs: PositiveInt = Field(1, description="passes over the posts")
    lr: Positive | None = Field(None, description="learning rate; None chooses it by method and base model")
    posts_per_step: PositiveInt = Field(4, description="posts packed into one update")
    max_posts: PositiveInt | None = Field(None, description="use at most this many posts of each account, the newest")
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.5, description="how far the weights go from the base's to the trained ones; below 1 they are averaged"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="seed of order and initialisation")

    @model_validator(mode="after")
    def _no_pool_of_a_pool(self) -> PretrainConfig:
        if self.base_model.startswith("pool:"):
            raise ValueError(
                f"pretrain.base_model={self.base_model} has learned a pool already: name what that learned"
            )
        return self


class SampleConfig(Section):
    """How new posts are generated."""

    prompts: Annotated[tuple[Annotated[str, AfterValidator(_text)], ...], Field(min_length=1)] = Field(
        DEFAULT_PROMPTS, description="how the posts begin"
    )
    per_prompt: PositiveInt = Field(2, description="posts for each prompt")
    temperature: Positive = Field(1.0, description="1 follows the model, less is safer")
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(0.95, description="share of the probability to sample from")
    max_characters: Annotated[int, Field(ge=20, le=25_000)] = Field(280, description="length as X counts it")
    batch_size: PositiveInt = Field(64, description="posts generated together")
    copy_share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.7, description="a post sharing this much of itself with one training post, verbatim, is generated again"
    )
    best_of: Annotated[int, Field(ge=1, le=8)] = Field(
        1, description="write so many for each post, and keep those that read as likely as the account's own"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="seed of the sampling")


class EvaluateConfig(Section):
    """How a model is judged."""

    generated: Annotated[int, Field(ge=0, le=1000)] = Field(
        40, description="posts generated without a prompt to judge how the model writes; 0 judges only how it predicts"
    )
    scorecard: Literal["quick", "full"] = Field(
        "quick", description="full adds a detector that is fine-tuned, and MAUVE from 200 posts on; takes minutes"
    )
    reader: str = Field(
        "auto",
        description="who judges how posts read: a base model; auto: Gemma if it may be used, else the account's own",
    )
    generic: bool = Field(
        True,
        description="after a night learn posts of 5 other accounts or more, once, to tell the person's part of a gain",
    )


class TrackingConfig(Section):
    """Where runs and artifacts are logged."""

    mode: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="auto: online if a key is configured"
    )
    project: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")] = Field("hugtweets", description="W&B project")
    entity: str | None = Field(None, description="W&B user or team")
    registry: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,113}$")] | None = Field(
        None, description="W&B registry into which current models are linked, each account's as a collection"
    )
    posts_ttl_days: PositiveInt | None = Field(
        None, description="W&B deletes artifacts that hold an account's posts (timeline, clean, tokens) after this"
    )
    alert: bool = Field(False, description="have W&B send an alert when accounts failed in a night")


class RefreshConfig(Section):
    """How a list of accounts is refreshed."""

    parallel: PositiveInt = Field(4, description="accounts at once (training takes turns on the device)")
    dispatch: Dispatch = Field("threads", description="where to learn: here, on a Ray cluster, or in a work pool")
    ray_address: str | None = Field(None, description="the Ray cluster; None starts one on this machine; ray only")
    work_pool: str | None = Field(None, description="Prefect's work pool (hugtweets); pool only")
    min_new_posts: Annotated[int, Field(ge=0)] = Field(
        0, description="a model waits for this many newly kept posts; 0 takes any change"
    )
    min_new_characters: Annotated[int, Field(ge=0)] = Field(
        0, description="a model waits for this many newly kept characters; 0 takes any change"
    )
    gather_seconds: NotNegative | None = Field(
        None,
        description="wait so long for other accounts to learn in one batch with (5 on a GPU in a night, else 0)",
    )
    start: Literal["base", "previous"] = Field(
        "base", description="train again from the base model, or go on from the account's current model"
    )
    replay: NotNegative | None = Field(
        None, description="old posts trained on again for each new one (2); with start=previous only"
    )

    fresh_every: Annotated[int, Field(ge=2)] | None = Field(
        None, description="every Nth training starts from the base model all the same (4); with start=previous only"
    )

    @model_validator(mode="after")
    def _only_what_is_used(self) -> RefreshConfig:
        if self.start == "base":
            self._refuse("refresh", "start", ("replay", "fresh_every"), "the base model has no past")
        for name, wanted in (("ray_address", "ray"), ("work_pool", "pool"), ("gather_seconds", "threads")):
            if self.dispatch != wanted:
                self._refuse("refresh", "dispatch", (name,), f"set dispatch to {wanted}")
        return self


class StorageConfig(Section):
    """What `hugtweets prune` keeps beside what is needed; with either of them set, every night prunes as well."""

    keep_models: PositiveInt | None = Field(None, description="the newest models of each account that are kept (1)")
    keep_days: Annotated[int, Field(ge=1)] | None = Field(
        None, description="keep all that was used within this many days (1)"
    )

    @property
    def is_set(self) -> bool:
        """Whether nights prune."""
        return self.keep_models is not None or self.keep_days is not None
