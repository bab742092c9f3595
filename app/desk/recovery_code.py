"""The recovery code: 160 random bits that a person can write down, each group with a sign that checks it.

Eight groups of four signs and a check sign, in an alphabet without I, L, O and U. One wrong sign in a group, and two
that changed places, are always found, and the group is named.
"""

from __future__ import annotations

import os
from typing import Final

from xinheng.errors import UsageError

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS: Final = 8


def new_code() -> str:
    """A code of eight groups of five signs."""
    signs = [byte % 32 for byte in os.urandom(4 * GROUPS)]
    groups = [signs[4 * n : 4 * n + 4] for n in range(GROUPS)]
    return "-".join("".join(ALPHABET[s] for s in (*group, _check(n, group))) for n, group in enumerate(groups))


def code_bytes(text: str) -> bytes:
    """The secret in a code as a person typed it: case, spaces and hyphens do not matter, nor O for 0, I and L for 1.

    Raises:
        UsageError: It is not a code; the groups that hold a slip are named.
    """
    plain = text.upper().replace("O", "0").replace("I", "1").replace("L", "1")
    signs = [ALPHABET.find(sign) for sign in plain if not sign.isspace() and sign != "-"]
    if len(signs) != 5 * GROUPS:
        raise UsageError("recovery code", "not whole", want=f"{5 * GROUPS} signs", have=str(len(signs)))
    groups = [signs[5 * n : 5 * n + 5] for n in range(GROUPS)]
    wrong = [n + 1 for n, group in enumerate(groups) if min(group) < 0 or _check(n, group[:4]) != group[4]]
    if wrong:
        named = ", ".join(map(str, wrong))
        raise UsageError("recovery code", f"a slip in group {named}", mend="Compare these with the paper and repeat.")
    return bytes(sign for group in groups for sign in group[:4])


def _check(group: int, signs: list[int]) -> int:
    """A sum over the field of 32 elements with a weight of its own for each place, so that no single slip cancels."""
    total = group
    for place, sign in enumerate(signs):
        value = sign
        for _ in range(place + 1):  # times 2 in GF(32), by x^5 + x^2 + 1
            value <<= 1
            value ^= 0b100101 if value & 32 else 0
        total ^= value
    return total
