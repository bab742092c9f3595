"""One answer of a model in this process while it is made: its text, what ends it, and the grammar it is held to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from xinheng.chat.faults import Fault
from xinheng.chat.local_model import Loaded
from xinheng.chat.local_prompt import Prompt
from xinheng.messages import Token, Want

_OPENED: Final = ("<think>", "<thinking>", "[THINK]")
_CLOSED: Final = ("</think>", "</thinking>", "[/THINK]")
_BLANKS: Final = r"[\x20\x0A]{0,2}"  # between parts of JSON; with more room a weak model writes little else


class Answer:
    """One answer while it is made.

    Args:
        prompt: What it answers.
        want: What is asked of it.
        loaded: The model.
        grammar: To which it is held, from `grammar_of`.
        hear: Is told every new piece of text.
        gone: Says whether nobody waits for it any more.
    """

    def __init__(
        self,
        prompt: Prompt,
        want: Want,
        loaded: Loaded,
        *,
        seed: int,
        grammar: Any = None,
        hear: Callable[[str], None] | None = None,
        gone: Callable[[], bool] = lambda: False,
    ) -> None:
        import torch

        self.prompt, self.want, self._loaded, self._hear, self._gone = prompt, want, loaded, hear, gone
        room = (loaded.context or 2**31) - len(prompt.ids)
        self._most = min(want.max_tokens if want.max_tokens is not None else room, room)
        self._new_grammar, self._seed = grammar, seed
        self.temperature = loaded.temperature if want.temperature is None else want.temperature
        self.top_p = loaded.top_p if want.top_p is None else want.top_p
        self.said: list[int] = []
        self.tokens: list[Token] = []
        self.finish = ""
        self._told = 0
        self._draws = torch.Generator()
        self.begin()

    def begin(self) -> None:
        """Start again from nothing; what was told is not told twice."""
        self._draws.manual_seed(self._seed % 2**63)
        self.said, self.tokens, self.finish = [], [], ""
        self._grammar = self._new_grammar.deep_copy() if self._new_grammar is not None else None
        self._text, self._from, self._upto = "<think>" if self.prompt.thinking else "", 0, 0
        # The grammar is of the answer, which begins where thinking ends.
        self._waits = self.prompt.thinking or self.want.thinking is True

    @property
    def text(self) -> str:
        """What was said, thinking included, up to where a wanted stop began."""
        stop = self._stop()
        return self._text if stop < 0 else self._text[:stop]

    def draw(self) -> float:
        """A number between 0 and 1, the next of this answer's own."""
        import torch

        return float(torch.rand((), generator=self._draws, dtype=torch.float64))

    def allowed(self) -> bytes | None:
        """The tokens that the grammar allows next, a bit for each; None for all."""
        if self._grammar is None or self._waits:
            return None
        return bytes(self._grammar.compute_bitmask())

    def take(self, token: int) -> bool:
        """Add a token; False where the answer is over."""
        if self._gone():
            self.finish = "gone"
            return False
        if token in self._loaded.ends:
            return self._over("stop")
        self.said.append(token)
        self._read()
        if self._grammar is not None and not self._waits:
            self._grammar.consume_token(token)
            if self._grammar.is_stopped():
                return self._over("stop")
        elif self._waits and not self._thinking() and self._text.strip():
            self._waits = False
            if not any(mark in self._text for mark in _CLOSED):
                self._grammar = None  # it did not think but answered at once, too late for a grammar
        if self._stop() >= 0:
            return self._over("stop")
        if len(self.said) >= self._most:
            return self._over("length")
        self._tell(held=self._beginning_of_stop())
        return True

    @property
    def wordless(self) -> bool:
        """Whether no token is wanted at all."""
        return self._most <= 0

    def _over(self, finish: str) -> bool:
        self.finish = finish
        self._read(last=True)
        self._tell(held=0)
        return False

    def _read(self, *, last: bool = False) -> None:
        """Turn new tokens into text: those that end in the middle of a character wait for the rest of it."""
        decode = self._loaded.words.decode
        before = decode(
            self.said[self._from : self._upto], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        now = decode(self.said[self._from :], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        if len(now) > len(before) and (last or not now.endswith("\ufffd")):
            self._text += now[len(before) :]
            self._from, self._upto = self._upto, len(self.said)

    def _thinking(self) -> bool:
        """Whether all so far is thinking, or may turn out to be."""
        text = self._text.lstrip()
        return any(text.startswith(tag) or tag.startswith(text) for tag in _OPENED) and not any(
            mark in text for mark in _CLOSED
        )

    def _stop(self) -> int:
        """Where a wanted stop begins in the answer, or -1."""
        if not self.want.stop or (self._text[:1] in "<[" and self._thinking()):
            return -1
        start = max((self._text.rfind(mark) + len(mark) for mark in _CLOSED if mark in self._text), default=0)
        places = [self._text.find(stop, start) for stop in self.want.stop if stop]
        return min((place for place in places if place >= 0), default=-1)

    def _beginning_of_stop(self) -> int:
        """How many characters at the end may be the beginning of a stop."""
        lengths = [n for stop in self.want.stop for n in range(1, len(stop)) if self._text.endswith(stop[:n])]
        return max(lengths, default=0)

    def _tell(self, *, held: int) -> None:
        text = self.text
        upto = len(text) - held
        if self._hear is not None and upto > self._told:
            self._hear(text[self._told : upto])
            self._told = upto


def grammar_of(words: Any, schema: Mapping[str, Any]) -> Any:
    """The grammar of a JSON schema over the model's tokens.

    Args:
        words: From `grammar_words`.
        schema: Of the answer.

    Raises:
        Fault: There is none for this schema.
    """
    import llguidance

    try:
        written = llguidance.LLMatcher.grammar_from_json_schema(
            json.dumps(schema), overrides={"whitespace_pattern": _BLANKS}
        )
        grammar = llguidance.LLMatcher(words, written, log_level=0)
    except ValueError:
        raise Fault("record", "unsupported", "schema: no grammar can be made of it") from None
    if grammar.is_error():
        raise Fault("record", "unsupported", "schema: no grammar can be made of it")
    return grammar


def grammar_words(loaded: Loaded) -> Any:
    """The model's tokens as grammars know them.

    Raises:
        Fault: The package is missing, or the tokenizer is of a kind that it does not know.
    """
    try:
        import llguidance.hf
    except ImportError:
        raise Fault("record", "unsupported", "schema: llguidance is not installed") from None
    size = loaded.model.get_output_embeddings()
    count = size.weight.shape[0] if size is not None and hasattr(size, "weight") else len(loaded.words)
    try:
        return llguidance.hf.from_tokenizer(
            loaded.words, n_vocab=max(count, len(loaded.words)), eos_token=sorted(loaded.ends)
        )
    except Exception:  # noqa: BLE001 - whatever a tokenizer of another kind leads to
        raise Fault("record", "unsupported", "schema: a tokenizer that grammars do not know") from None
