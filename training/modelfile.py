"""A Modelfile for Ollama: the chat template in its language, as far as that can say it, and what ends an answer.

Ollama's templates are Go's, a tokenizer's are Jinja's, and neither can be turned into the other. So the template is
tried with messages that stand for any: where it writes each role between the same two texts, those are written down,
and what comes of them is held against what Jinja writes for other conversations. Where it differs, no template is
written and the file says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_MARKS: Final = {"system": "XHSYSTEMHX", "user": "XHUSERHX", "assistant": "XHASSISTANTHX"}
_SAID: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (("user", "我睡不好"),),
    (("system", "Be kind."), ("user", "Hello?")),
    (("user", "one"), ("assistant", "two"), ("user", "three")),
    (("system", "四"), ("user", "five"), ("assistant", "six"), ("user", "seven"), ("assistant", "8"), ("user", "9")),
)


@dataclass(frozen=True)
class Blocks:
    """A template that writes every message of a role between the same two texts.

    Args:
        begin: In front of all.
        unasked: Behind that where there is no system message.
        around: By role, what stands in front and behind; a role that the template refuses has none.
        answer: Behind all, where an answer is wanted.
    """

    begin: str
    unasked: str
    around: Mapping[str, tuple[str, str]]
    answer: str

    def write(self, messages: Sequence[tuple[str, str]]) -> str:
        """A conversation, as Ollama will write it."""
        opening = self.begin + ("" if messages[0][0] == "system" else self.unasked)
        return (
            opening
            + "".join(self.around[role][0] + text + self.around[role][1] for role, text in messages)
            + (self.answer)
        )


def blocks_of(words: Any) -> Blocks | None:
    """What a tokenizer's chat template comes to; None where blocks cannot say it, or there is none."""
    if not words.chat_template:
        return None
    try:
        found = _tried(words)
        if found is None:
            return None
        for said in _SAID:
            if said[0][0] == "system" and "system" not in found.around:
                continue
            if found.write(said) != _jinja(words, said):
                return None
    except Exception:  # noqa: BLE001 - a template may refuse anything in any way
        return None
    return found


def modelfile(words: Any, weights: str, *, ends: Sequence[int], adds_begin: bool, note: str = "") -> tuple[str, bool]:
    """The file's text, and whether it has a template.

    Args:
        words: The tokenizer.
        weights: Name of the GGUF file beside it.
        ends: Ids of the tokens that end an answer.
        adds_begin: Whether the server writes the token that begins a text by itself.
        note: A line of what it is.
    """
    lines = [f"# {line}" for line in note.splitlines()]
    lines.append(f"FROM ./{weights}")
    blocks = blocks_of(words)
    template = _go(blocks, words.bos_token if adds_begin else None) if blocks is not None else None
    if template is not None:
        if blocks is not None and "system" not in blocks.around:
            lines.append(
                "# The model's template takes no system message: Ollama leaves it out. Say it in the question."
            )
        lines.append(f'TEMPLATE """{template}"""')
    else:
        lines.append("# The chat template says more than Ollama's can: without a TEMPLATE, Ollama tries the one in the")
        lines.append("# weights. Compare what it is asked with what the tokenizer writes before you trust an answer.")
    stops = {words.convert_ids_to_tokens(end) for end in ends if end is not None}
    if blocks is not None:
        behind = blocks.around["assistant"][1].strip() if "assistant" in blocks.around else ""
        stops |= {token for token in words.get_added_vocab() if behind.startswith(token)}
    lines += [f"PARAMETER stop {json.dumps(stop, ensure_ascii=False)}" for stop in sorted(filter(None, stops))]
    return "\n".join(lines) + "\n", template is not None


def write(folder: Path, text: str) -> Path:
    """The file, in a folder."""
    file = folder / "Modelfile"
    file.write_text(text, encoding="utf-8")
    return file


def _jinja(words: Any, said: Sequence[tuple[str, str]], *, answer: bool = True) -> str:
    messages = [{"role": role, "content": text} for role, text in said]
    return str(words.apply_chat_template(messages, tokenize=False, add_generation_prompt=answer))


def _tried(words: Any) -> Blocks | None:
    """What stands around each role's mark; ValueError where a mark is not there once."""
    user, said = _MARKS["user"], _MARKS["assistant"]
    alone, asked = _jinja(words, [("user", user)], answer=False), _jinja(words, [("user", user)])
    head, last = alone.split(user)
    opens = _between(words, head + user + last, [("user", user), ("assistant", said)], said)
    if opens is None or not asked.startswith(alone):
        return None
    before, behind = opens
    # Once more behind an answer: what is new there is in front of every question.
    again = _jinja(words, [("user", user), ("assistant", said), ("user", user)], answer=False)
    opening = again.removeprefix(alone + before + said + behind).removesuffix(user + last)
    if not head.endswith(opening):
        return None
    front = head[: len(head) - len(opening)]
    found = Blocks(front, "", {"user": (opening, last), "assistant": opens}, asked[len(alone) :])
    return _with_system(words, found)


def _between(words: Any, start: str, said: Sequence[tuple[str, str]], mark: str) -> tuple[str, str] | None:
    written = _jinja(words, said, answer=False)
    if not written.startswith(start) or written.count(mark) != 1:
        return None
    before, _, behind = written[len(start) :].partition(mark)
    return before, behind


def _with_system(words: Any, found: Blocks) -> Blocks | None:
    user, system = _MARKS["user"], _MARKS["system"]
    try:
        told = _jinja(words, [("system", system), ("user", user)], answer=False)
    except Exception:  # noqa: BLE001 - some templates refuse a system message
        return found
    end = found.around["user"][0] + user + found.around["user"][1]
    if told.count(system) != 1:
        return found
    if not told.endswith(end):
        return None
    lead, tail = told.split(system)
    begin = words.bos_token or ""
    if not (lead.startswith(begin) and found.begin.startswith(begin)):
        begin = ""
    around = {**found.around, "system": (lead[len(begin) :], tail[: len(tail) - len(end)])}
    return Blocks(begin, found.begin[len(begin) :], around, found.answer)


def _go(blocks: Blocks, begin: str | None) -> str | None:
    """As Go writes it; None where a text would be read as part of the language."""
    front = blocks.begin.removeprefix(begin) if begin else blocks.begin
    texts = [front, blocks.unasked, blocks.answer, *(text for both in blocks.around.values() for text in both)]
    if any("{{" in text or "}}" in text or '"""' in text for text in texts):
        return None
    unasked = f"{{{{ if not .System }}}}{blocks.unasked}{{{{ end }}}}" if blocks.unasked else ""
    order = [role for role in ("system", "user", "assistant") if role in blocks.around]
    roles = "".join(
        f'{{{{ {"if" if at == 0 else "else if"} eq .Role "{role}" }}}}'
        f"{blocks.around[role][0]}{{{{ .Content }}}}{blocks.around[role][1]}"
        for at, role in enumerate(order)
    )
    return f"{front}{unasked}{{{{ range .Messages }}}}{roles}{{{{ end }}}}{{{{ end }}}}{blocks.answer}"
