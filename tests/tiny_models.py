"""Models small enough to build in a blink: a byte-level BPE and a few thousand random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.storage.home import Home

SENTENCES = [
    "The quick brown fox jumps over the lazy dog.",
    "I think that the garden needs rain, and I like rain.",
    "My dream is a small house by the sea with a green door.",
    "I don't like long meetings; I want tea and silence.",
]
Architecture = Literal["gpt2", "llama"]


def tiny_tokenizer(vocabulary: int = 400) -> Tokenizer:
    """A byte-level BPE that can write any text; ``<|endoftext|>`` is 0, and ``<|im_end|>`` is 1."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken("<|endoftext|>", special=True), AddedToken("<|im_end|>", special=True)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 5, trainer)
    return tokenizer


def save_tiny_model(folder: Path, architecture: Architecture = "llama") -> Path:
    """Write a random model of two layers and its tokenizer; the same bytes every time."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|im_end|>", "model_max_length": 256}))
    size = tokenizer.get_vocab_size()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if architecture == "gpt2":
            shape = GPT2Config(vocab_size=size, n_positions=256, n_embd=32, n_layer=2, n_head=2, initializer_range=0.2)
            GPT2LMHeadModel(shape).save_pretrained(folder)
        else:
            config = LlamaConfig(
                vocab_size=size,
                max_position_embeddings=256,
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                initializer_range=0.2,
                tie_word_embeddings=True,
                bos_token_id=1,
                eos_token_id=1,
                pad_token_id=1,
            )
            LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def tiny_base_model(home: Home, architecture: Architecture = "llama") -> BaseModel:
    """A tiny model, saved into the home's root and resolved like any folder."""
    folder = home.root / f"tiny-{architecture}"
    if not folder.exists():
        save_tiny_model(folder, architecture)
    return resolve_base_model(str(folder), home)
