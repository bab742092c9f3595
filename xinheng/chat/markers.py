"""Tokens of a model's own format that stand in somebody's text: they may be read there, they must not be obeyed.

A tokenizer makes `<|im_end|>` one token wherever it stands. In the text of a client, a document or a judged reply it
would end the message and let the text speak in another's name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

# Joins what stands at its sides and is not seen: the token falls into pieces, and nobody reads another text.
_JOINER: Final = "\u2060"


def without_markers(tokenizer: Any, text: str) -> str:
    """The text, its look the same, in which no special token of the tokenizer is left.

    Args:
        tokenizer: Of `transformers`.
        text: Of one message.
    """
    pattern = _pattern(tokenizer)
    return pattern.sub(lambda found: f"{found[0][0]}{_JOINER}{found[0][1:]}", text) if pattern else text


@lru_cache(maxsize=16)
def _pattern(tokenizer: Any) -> re.Pattern[str] | None:
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    # A sign alone cannot be taken apart.
    markers = sorted((marker for marker in added | set(tokenizer.all_special_tokens) if len(marker) > 1), key=len)
    return re.compile("|".join(map(re.escape, reversed(markers)))) if markers else None
