"""Tiny models that read texts (encoder, classifier, BART), made in a second and without a download.

Their weights are random, the same for the same seed: they know nothing, and have every part that a real model has.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.measure_models import quiet

WORDS = (
    "yes no the poster suffers from depression stress does not reasoning post shows work school money family",
    "我 他 睡 不 好 最 近 難 過 壓 力 很 大",
)
POSITIONS = 64


def write_classifier(folder: Path, id2label: Mapping[int, str], *, seed: int = 3) -> Path:
    """A BERT classifier with these classes."""
    from transformers import BertForSequenceClassification

    config = _bert(num_labels=len(id2label), id2label=dict(id2label), label2id={v: k for k, v in id2label.items()})
    return _saved(folder, BertForSequenceClassification, config, seed)


def write_encoder(folder: Path, *, seed: int = 3, layers: int = 3) -> Path:
    """A BERT without a head."""
    from transformers import BertModel

    return _saved(folder, BertModel, _bert(num_hidden_layers=layers), seed)


def write_bart(folder: Path, *, seed: int = 3, positions: int = POSITIONS) -> Path:
    """A BART that writes."""
    from transformers import BartConfig, BartForConditionalGeneration

    words = _tokenizer("<s>", "</s>")
    config = BartConfig(
        vocab_size=len(words),
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=positions,
        init_std=0.3,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
        decoder_start_token_id=words.eos_token_id,
        forced_eos_token_id=words.eos_token_id,
    )
    return _saved(folder, BartForConditionalGeneration, config, seed, words)


def _bert(**more: Any) -> Any:
    from transformers import BertConfig

    sizes: dict[str, Any] = {
        "vocab_size": len(_tokenizer("[CLS]", "[SEP]")),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": POSITIONS,
        "initializer_range": 0.5,
    }
    return BertConfig(**(sizes | more))


def _saved(folder: Path, kind: Any, config: Any, seed: int, words: Any = None) -> Path:
    import numpy as np
    import torch

    model = kind(config)
    # Numbers that no version of torch or transformers draws otherwise, so that figures can be written down.
    random = np.random.RandomState(seed)  # its numbers are promised to stay
    for name, weight in sorted(model.named_parameters()):
        drawn = random.normal(0, 0.4, tuple(weight.shape))
        weight.data = torch.tensor(drawn + ("norm" in name.lower() and name.endswith("weight")), dtype=torch.float32)
    with quiet():
        model.save_pretrained(folder)
        (words or _tokenizer("[CLS]", "[SEP]")).save_pretrained(folder)
    return folder


def _tokenizer(begin: str, end: str) -> Any:
    """Words by WordPiece, others by single characters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    known = [begin, "<pad>", end, "[UNK]", *letters, *(f"##{c}" for c in letters)]
    known += [word for line in WORDS for word in line.split() if word not in known]
    made = Tokenizer(models.WordPiece({w: i for i, w in enumerate(dict.fromkeys(known))}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(begin, known.index(begin)), (end, known.index(end))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=begin,
        eos_token=end,
        cls_token=begin,
        sep_token=end,
        pad_token="<pad>",
        unk_token="[UNK]",
        model_max_length=POSITIONS,
    )
