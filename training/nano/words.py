"""Nano's tokenizer: byte-level BPE of Chinese in both scripts and English, with a chat template."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEGIN, START, END, PAD = "<|text|>", "<|start|>", "<|stop|>", "<|pad|>"

# Marks what the model says itself: `assistant_only_loss` and `return_assistant_tokens_mask` read it.
TEMPLATE: Final = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start|>' + message['role'] + '\\n' }}"
    "{% if message['role'] == 'assistant' %}"
    "{% generation %}{{ message['content'] + '<|stop|>' }}{% endgeneration %}{{ '\\n' }}"
    "{% else %}{{ message['content'] + '<|stop|>\\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}"
)

# What may become one token: letters of an alphabet, Han characters, single digits, signs, blanks. Han characters stand
# apart from letters, so that frequent words become tokens although no blank parts them.
_PIECES: Final = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})\p{L})+|\p{Han}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_tokenizer(texts: Iterable[str], *, size: int, context: int) -> PreTrainedTokenizerFast:
    """A tokenizer of `size` tokens; the same texts in the same order give the same one.

    Args:
        texts: What it is made for.
        size: Tokens, special ones and the 256 bytes included.
        context: What the model takes, in tokens.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made: Any = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, BEGIN, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=12,
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START],
        chat_template=TEMPLATE,
        model_max_length=context,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def rendered(conversation: list[tuple[str, str]]) -> str:
    """A document as the model reads it in training; a conversation as `TEMPLATE` writes it, a plain text as it is."""
    if [role for role, _ in conversation] == [""]:
        return f"{BEGIN}{conversation[0][1]}{END}"
    return BEGIN + "".join(f"{START}{role}\n{text}{END}\n" for role, text in conversation)
