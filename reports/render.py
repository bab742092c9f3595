"""The HTML shell of every page: templates, escaping, number formats, and scripts that are allowed by hash.

Pages ask for nothing from outside: styles, script and drawings are in them, and their content
security policy forbids the browser to fetch, to post, or to run a script other than those hashed in
it. All text from data goes through Jinja's escaping; nothing is marked safe but what this module and
`charts` make themselves.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from reports import labels
from reports.charts import Figure, available, bundle
from reports.labels import Words, clean, shortened
from xinheng import __version__

if TYPE_CHECKING:
    import jinja2
NO_NUMBER: Final = "–"
CUT_CHARACTERS: Final = 120


def page(
    template: str, *, title: Words, figures: bool, styles: Sequence[str] = (), script: str = "", **context: Any
) -> str:
    """A whole HTML page.

    Args:
        template: File name in `reports/templates`.
        title: Of the document and its first heading.
        figures: The page holds charts: Vega is inlined, once.
        styles: Further style sheets in `reports/templates`, after the one of all pages.
        script: A further script in `reports/templates`, which the template puts where it belongs.
        context: What the template names.
    """
    live = figures and available()
    scripts = {"page": _asset("page.js"), "vega": _script(bundle()) if live else ""}
    if script:
        scripts["own"] = _asset(script)
    style = "\n".join(_asset(name) for name in ("page.css", *styles))
    policy = "; ".join(
        (
            "default-src 'none'",
            "style-src 'unsafe-inline'",
            "img-src data:",
            f"script-src {' '.join(_hash(script) for script in scripts.values() if script)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    brief = Words(shortened(title.en, CUT_CHARACTERS), shortened(title.zh, CUT_CHARACTERS))
    return _environment().get_template(template).render(
        title=title, brief=brief, scripts=scripts, policy=policy, style=style, live=live,
        undrawn=figures and not live, version=__version__, **context,
    )  # fmt: skip


def items(facts: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The rows of a fact; none when it is missing, empty or no list.

    >>> items({"steps": [{"rows": 1}, None]}, "steps"), items({}, "steps")
    ([{'rows': 1}], [])
    """
    value = facts.get(name)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list | tuple) else []


def part(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A fact that is itself a mapping; empty when it is missing or something else."""
    value = facts.get(name)
    return value if isinstance(value, Mapping) else {}


def count(value: object) -> int:
    """A count; 0 for what is no number.

    >>> count(3), count(None), count("x")
    (3, 0, 0)
    """
    finite = isinstance(value, int | float) and math.isfinite(value)
    return int(value) if finite else 0  # type: ignore[call-overload]


def number(value: object) -> str:
    """A number with its thousands parted; a dash for none.

    >>> number(1234567), number(0.25), number(None), number(float("nan"))
    ('1,234,567', '0.25', '–', '–')
    """
    if isinstance(value, bool) or value is None:
        return NO_NUMBER if value is None else str(value).lower()
    if isinstance(value, float):
        return f"{value:,.12g}" if math.isfinite(value) else NO_NUMBER
    return f"{value:,}" if isinstance(value, int) else clean(value)


def percent(share: object, whole: object = 1) -> str:
    """A share in percent, one decimal; never rounded to 0 or 100 when it is neither, a dash for none.

    >>> percent(1, 3), percent(1, 10**6), percent(999_999, 10**6), percent(0, 0), percent(None)
    ('33.3%', '<0.1%', '>99.9%', '–', '–')
    """
    if not isinstance(share, int | float) or not isinstance(whole, int | float) or not whole:
        return NO_NUMBER
    ratio = share / whole
    if not math.isfinite(ratio):
        return NO_NUMBER
    rounded = f"{ratio:.1%}"
    if rounded == "0.0%" and ratio:
        return "<0.1%"
    return ">99.9%" if rounded == "100.0%" and ratio < 1 else rounded


def bilingual(en: object, zh: object) -> Markup:
    """Both languages, each in an element of its own; the page shows one. Escapes what is not markup."""
    return Markup('<span class="en" lang="en">{}</span><span class="zh" lang="zh-Hant">{}</span>').format(en, zh)


def shown(value: object, limit: int = CUT_CHARACTERS) -> Markup:
    """A text from data: cleaned, isolated from the direction around it, and cut with the whole in `title`."""
    text = clean(value)
    if len(text) <= limit:
        return Markup("<bdi>{}</bdi>").format(text)
    return Markup('<bdi title="{}">{}</bdi>').format(text, shortened(text, limit))


def code(value: object, limit: int = CUT_CHARACTERS) -> Markup:
    """A name from data in code type, which may break after its underscores."""
    text = clean(value)
    brief = escape(shortened(text, limit)).replace("_", Markup("_<wbr>"))
    title = Markup(' title="{}"').format(text) if len(text) > limit else ""
    return Markup("<code><bdi{}>{}</bdi></code>").format(title, brief)


def spoken(value: object, limit: int = CUT_CHARACTERS) -> Markup:
    """A fact in both languages, or once where both are the same."""
    both = labels.words(value)
    return shown(both.en, limit) if both.en == both.zh else bilingual(shown(both.en, limit), shown(both.zh, limit))


def drawings(figure: Figure) -> list[tuple[str, str, Markup, Markup]]:
    """(class, language code, static SVG, specification) per language, fit to stand in HTML."""
    if figure.svg is None or figure.spec is None:
        return []
    codes = ("en", "en"), ("zh", "zh-Hant")
    return [
        (name, code, Markup(svg), Markup(_inline_json(spec)))  # noqa: S704  made by `charts` and Vega, which escapes
        for (name, code), svg, spec in zip(codes, figure.svg, figure.spec, strict=True)
    ]


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(number=number, shown=shown, spoken=spoken, clean=clean)
    environment.globals.update(
        t=bilingual, code=code, percent=percent, drawings=drawings, named=labels.named, tag_meaning=labels.tag_meaning,
        SPLITS=labels.SPLITS, LANGUAGES=labels.LANGUAGES, TABLES=labels.TABLES, TOPIC_GROUPS=labels.TOPIC_GROUPS,
        LENGTHS=labels.LENGTHS, ROLES=labels.ROLES, AXES=labels.AXES,
    )  # fmt: skip
    return environment


@cache
def _asset(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _script(text: str) -> str:
    """A script that cannot end its element or open a comment in it, line ends as a browser reads them."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", text.replace("\r\n", "\n").replace("\r", "\n"), flags=re.IGNORECASE)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _inline_json(text: str) -> str:
    escapes: Iterable[str] = "<>&\u2028\u2029"
    for character in escapes:
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
