"""What a text is written in: scripts, languages, and the plain form in which duplicates meet.

Expressions (`pl.Expr` in, `pl.Expr` out) do the same for whole columns at the speed of Polars.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from xinheng.shards import in_pieces

# CJK unified ideographs with extension A and the compatibility block.
HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# What nobody sees: controls but line breaks and tabs, formats, fillers. Emoji are joined by some of these: 👨‍👩‍👧 is
# three emoji and two zero-width joiners, the flag of Wales a black flag and six invisible tags.
INVISIBLE: Final = r"[\p{Cc}\p{Cf}\x{115F}\x{1160}\x{3164}\x{FFA0}--\t\n\r]"
EMOJI: Final = (
    r"(?:\p{Extended_Pictographic}[\x{FE0F}\x{1F3FB}-\x{1F3FF}]*\x{200D})+\p{Extended_Pictographic}"
    r"|\x{1F3F4}[\x{E0020}-\x{E007E}]+\x{E007F}"
)
_HAN = re.compile(f"[{HAN}]")
# With the variation selectors behind emoji, which are no symbols themselves.
_MARKS: Final = r"[\s\p{P}\p{S}\p{C}\x{FE00}-\x{FE0F}]+"
_LATIN = re.compile("[A-Za-z]")
# Signs that OpenCC leaves as they are when they stand alone, since some words keep them in Simplified text as well.
_ONE_WORD: Final = str.maketrans("著妳牠祂瞭藉甚祇覆", "着你它他了借什只复")


@cache
def script_characters() -> tuple[str, str]:
    """Characters that only Traditional and that only Simplified text uses.

    A character is Traditional when OpenCC simplifies it and GB 2312, the standard of Simplified
    text, lacks it; Simplified when OpenCC turns it into another and Big5 lacks it. The second half
    keeps out forms that are Simplified and yet words of Traditional text (后, 里, 只, 台).

    Returns:
        Two strings of single characters, in code point order.
    """
    import opencc

    characters = [chr(code) for code in range(0x4E00, 0xA000)]

    def changed_by(config: str, absent_from: str) -> str:
        converted = opencc.OpenCC(config).convert("\n".join(characters)).split("\n")
        pairs = zip(characters, converted, strict=True)
        return "".join(c for c, other in pairs if other != c and not c.encode(absent_from, "ignore"))

    return changed_by("t2s", "gb2312"), changed_by("s2t", "big5")


def language_of(text: str, *, default: str = "zh-Hant") -> str:
    """Name the language of a text: `zh-Hant`, `zh-Hans` or `en`.

    Chinese when at least a tenth of its letters are Han; the script is the one with more characters
    that the other script does not use.

    Args:
        text: Any text.
        default: The answer when the characters prove nothing (too few, or common to both scripts).

    >>> language_of("我最近總是睡不著"), language_of("我最近总是睡不着"), language_of("I cannot sleep")
    ('zh-Hant', 'zh-Hans', 'en')
    """
    han, latin = len(_HAN.findall(text)), len(_LATIN.findall(text))
    if not han and not latin:
        return default
    if han * 10 < latin:
        return "en"
    traditional, simplified = map(frozenset, script_characters())
    marks = sum(c in traditional for c in text) - sum(c in simplified for c in text)
    return "zh-Hant" if marks > 0 else "zh-Hans" if marks < 0 else default


def language_expr(text: pl.Expr) -> pl.Expr:
    """`language_of` for a column; null where the characters prove nothing."""
    traditional, simplified = script_characters()
    han, latin = text.str.count_matches(f"[{HAN}]"), text.str.count_matches("[A-Za-z]")
    more = text.str.count_matches(f"[{traditional}]").cast(pl.Int64) - text.str.count_matches(f"[{simplified}]").cast(
        pl.Int64
    )
    return (
        pl.when((han == 0) & (latin == 0))
        .then(None)
        .when(han * 10 < latin)
        .then(pl.lit("en"))
        .when(more > 0)
        .then(pl.lit("zh-Hant"))
        .when(more < 0)
        .then(pl.lit("zh-Hans"))
        .otherwise(None)
    )


def folded(text: str) -> str:
    """A text as it is looked for: one width, one case, one script.

    Sign by sign, so that what stands around a sign changes nothing: what a search takes for the same is sometimes
    two words (乾坤 and 干坤), and never is a word missed for its script. The text stays as long as NFKC made it.

    >>> folded("夢見ＡＢＣ") == folded("梦见abc"), folded("睡不著，在家裏") == folded("睡不着,在家裡")
    (True, True)
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    signs = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    # A table of arrays takes a third of the time of str.translate.
    return _folds()[signs].tobytes().decode("utf-32-le", "surrogatepass")


@cache
def _folds() -> npt.NDArray[np.uint32]:
    """Each code point's, of both scripts the Simplified one's."""
    import opencc

    characters = [chr(code) for start, end in ((0x3400, 0xA000), (0x20000, 0x2FA20)) for code in range(start, end)]
    simple = opencc.OpenCC("t2s").convert("\n".join(characters)).split("\n")
    found = np.arange(0x110000, dtype=np.uint32)
    for character, other in zip(characters, simple, strict=True):
        if len(other) == 1:
            found[ord(character)] = ord(other)
    for code, other in _ONE_WORD.items():
        found[code] = other
    return found


def plain_form(text: pl.Expr) -> pl.Expr:
    """The form in which exact duplicates meet: NFKC, small letters, no blanks, symbols or punctuation.

    Text that consists of such characters only keeps its NFKC form, so that two rows of different
    emoji are not the same.
    """
    # In stages on the series: as one expression, each use of an intermediate computes it anew.
    return text.map_batches(_plain_series, return_dtype=pl.String, is_elementwise=True)


def plain_hash(text: pl.Expr) -> pl.Expr:
    """A name for all texts of the same plain form: the first 16 hex digits of its SHA-256.

    Stable across machines and versions, unlike `Expr.hash`.
    """
    import polars_hash

    hashed: pl.Expr = polars_hash.concat_str(plain_form(text)).chash.sha2_256()
    return hashed.str.head(16)


def _plain_series(text: pl.Series) -> pl.Series:
    return in_pieces(text.to_frame("text"), _plain_rows).to_series()


def _plain_rows(rows: pl.LazyFrame) -> pl.LazyFrame:
    plain, text = pl.col("plain"), pl.col("text")
    folded = pl.col("rest").str.normalize("NFKC").str.to_lowercase().str.replace_all(_MARKS, "")
    return (
        rows.with_columns(plain=text.str.replace_all(_MARKS, ""))
        .with_columns(rest=pl.when(plain.str.contains("[^0-9a-z\u3041-\u3096\u4e00-\u9fff]")).then(plain))
        .with_columns(plain=pl.coalesce(folded, plain))
        .with_columns(rest=pl.when(plain == "").then(text))
        .select(pl.coalesce(pl.col("rest").str.normalize("NFKC").str.strip_chars(), plain))
    )


def only_where(text: pl.Expr, pattern: str, change: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """Change only the texts in which a pattern occurs.

    The others are null while `change` runs, which costs nothing: ten passes over a column in which
    one text in a hundred needs them take the time of one search. `text` should be a plain column.
    """
    return pl.coalesce(change(pl.when(text.str.contains(pattern)).then(text)), text)
