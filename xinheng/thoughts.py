"""What of a reply is an answer and not a thought; servers take thoughts away, files of other programs may hold them."""

from __future__ import annotations

import re
from typing import Final

_OPENING, _CLOSING = r"(?:<think(?:ing)?>|\[THINK\])", r"(?:</think(?:ing)?>|\[/THINK\])"
_THOUGHT: Final = re.compile(rf"{_OPENING}(?:(?!{_OPENING}).)*?{_CLOSING}", re.IGNORECASE | re.DOTALL)
_OPENED: Final = re.compile(_OPENING, re.IGNORECASE)
_CLOSED: Final = re.compile(_CLOSING, re.IGNORECASE)


def without_thoughts(reply: str) -> str:
    """The reply without what was thought; "" where a thought was opened and never closed.

    One that was only closed was opened by the prompt, and all before it is thought.

    >>> [without_thoughts(reply) for reply in ("<think>no, or yes?</think>Yes.", "hm</think>No.", "<think>No.")]
    ['Yes.', 'No.', '']
    """
    if "<" not in reply and "[" not in reply:
        return reply
    spoken = _THOUGHT.sub("\n", reply)
    if _OPENED.search(spoken):
        return ""
    return _CLOSED.split(spoken)[-1].strip()
