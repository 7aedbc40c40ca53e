"""Turns a GGUF file into a folder of safetensors that can be trained and loaded in half a second."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugtweets.errors import BaseModelError
from hugtweets.models.fitness import check_complete
from hugtweets.storage.atomic import atomic_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONVERSION_VERSION = 1
SOURCE = "source.json"


def convert(gguf: Path, folder: Path) -> None:
    """Dequantise to float32 and write model, configuration and tokenizer; the folder appears whole or not at all.

    Takes 15 to 50 s and about 1.2 GB of memory for 135 million weights.

    Raises:
        BaseModelError: the file is no GGUF, not a whole one, or of an architecture that transformers cannot read.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils.logging import disable_progress_bar

    needed = 10 * gguf.stat().st_size
    folder.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder.parent).free < needed:
        raise BaseModelError(f"converting {gguf.name} needs {needed / 1e9:.1f} GB free in {folder.parent}: make room")
    disable_progress_bar()  # type: ignore[no-untyped-call]
    location, name = str(gguf.parent), gguf.name
    try:
        tokenizer = AutoTokenizer.from_pretrained(location, gguf_file=name, trust_remote_code=False)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            location,
            gguf_file=name,
            output_loading_info=True,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
            trust_remote_code=False,
        )
    except (ValueError, KeyError, OSError, NotImplementedError, struct.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise BaseModelError(
            f"{gguf} cannot be converted ({reason}): choose another file for train.base_model"
        ) from error
    model: PreTrainedModel = loaded[0]
    check_complete(model, loaded[1]["missing_keys"], str(gguf))
    tokenizer.model_max_length = model.config.max_position_embeddings
    with atomic_folder(folder, marker=SOURCE) as partial:
        tokenizer.save_pretrained(partial)
        model.save_pretrained(partial)
        source = {"gguf": name, "conversion": CONVERSION_VERSION}
        (partial / SOURCE).write_text(json.dumps(source) + "\n", encoding="utf-8")
