"""The page of a lineage: one picture from the publishers' files to the scores, and a table of the same.

The picture is an SVG of our own, twice: in rows for wide screens, one below the other for narrow ones. Its colours are
the page's, so it serves light, dark and paper; it loads nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup

from reports.labels import Words, clean, named, words
from reports.layers import Drawing, Edge, Point, in_rows, stacked
from reports.render import items, page

TITLE: Final = Words("Lineage", "來歷")
MOST_BOXES: Final = 120
KINDS: Final[dict[str, Words]] = {
    "files": Words("published files", "原始檔案"),
    "source": Words("source", "來源"),
    "steps": Words("steps", "處理步驟"),
    "dataset": Words("dataset", "資料集"),
    "adapter": Words("adapter", "LoRA 權重"),
    "model": Words("model", "模型"),
    "predictions": Words("answers", "模型回答"),
    "scores": Words("scores", "評分"),
    "preferences": Words("preference pairs", "偏好配對"),
    "comparison": Words("comparison", "比較"),
    "rating_task": Words("rating task", "評分任務"),
    "ratings": Words("ratings", "人工評分"),
    "publication": Words("publication", "發布版本"),
}
STATES: Final[dict[str, Words]] = {
    "found": Words("found", "已找到"),
    "missing": Words("missing", "找不到"),
    "damaged": Words("damaged", "已損壞"),
    "outside": Words("outside", "外部"),
}
_WIDE: Final = 216.0
_NARROW: Final = 300.0
_PAD: Final = 12.0
_SMALL, _BIG = 12.0, 14.0
_LINE: Final = 17.0


def provenance_page(facts: Mapping[str, Any]) -> str:
    """The page of `xinheng lineage`.

    Args:
        facts: JSON values: root, nodes (node_id, kind, name, digest, lines, state, problems, place), edges (from, to,
            by: `digest` or `name`). A sentence has `en` and `zh`.

    Returns:
        One self-contained HTML document; the same facts give the same text.
    """
    nodes = {str(node.get("node_id")): _told(node) for node in items(facts, "nodes")}
    edges = {(str(edge.get("from")), str(edge.get("to"))): str(edge.get("by")) for edge in items(facts, "edges")}
    edges = {edge: by for edge, by in edges.items() if edge[0] in nodes and edge[1] in nodes}
    root = str(facts.get("root"))
    drawn = dict(list(nodes.items())[:MOST_BOXES])
    order = list(stacked(dict.fromkeys(nodes, (1.0, 1.0)), list(edges)).boxes)
    number = {name: at for at, name in enumerate(order, start=1)}
    name = nodes[root]["name"] if root in nodes else ""
    return page(
        "provenance.html",
        title=Words(f"{TITLE.en}: {name}", f"{TITLE.zh}：{name}") if name else TITLE,
        figures=False,
        styles=("provenance.css",),
        pictures=[
            ("wide", _picture(drawn, edges, root, _WIDE, wide=True)),
            ("narrow", _picture(drawn, edges, root, _NARROW, wide=False)),
        ],
        nodes=[{**nodes[one], "number": number[one], "root": one == root} for one in order],
        made_of={one: sorted(number[a] for a, b in edges if b == one) for one in order},
        order=order,
        problems=[(nodes[one], problem) for one in order for problem in nodes[one]["problems"]],
        left_out=max(0, len(nodes) - len(drawn)),
        by_name=any(by != "digest" for by in edges.values()),
        states=STATES,
        counts={state: sum(node["state"] == state for node in nodes.values()) for state in STATES},
    )


def _told(node: Mapping[str, Any]) -> dict[str, Any]:
    state = str(node.get("state"))
    return {
        "kind": named(KINDS, node.get("kind")),
        "name": clean(node.get("name")),
        "digest": clean(node.get("digest")),
        "place": clean(node.get("place")),
        "lines": [words(line) for line in node.get("lines") or ()],
        "problems": [words(line) for line in node.get("problems") or ()],
        "state": state if state in STATES else "missing",
    }


def _picture(
    nodes: Mapping[str, Mapping[str, Any]], edges: Mapping[Edge, str], root: str, width: float, *, wide: bool
) -> Markup:
    """All boxes and lines as one SVG."""
    sizes = {name: (width, _height(node)) for name, node in nodes.items()}
    drawn = (in_rows if wide else stacked)(sizes, list(edges))
    name = "wide" if wide else "narrow"
    marks = Markup("").join(
        Markup('<path class="edge {}" d="{}" marker-end="url(#tip-{})"/>').format(
            "" if edges[edge] == "digest" else "loose", _curve(points, wide=wide), name
        )
        for edge, points in drawn.lines.items()
    )
    boxes = Markup("").join(_box(node, drawn.boxes[one], sizes[one], root=one == root) for one, node in nodes.items())
    tip = Markup(
        '<defs><marker id="tip-{}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
    ).format(name)
    return Markup(
        '<svg class="{}" viewBox="-3 -3 {} {}" width="{}" role="img" aria-labelledby="about-picture">{}{}{}</svg>'
    ).format(name, *_measures(drawn), _measures(drawn)[0], tip, marks, boxes)


def _measures(drawn: Drawing) -> tuple[str, str]:
    return f"{drawn.width + 6:.0f}", f"{drawn.height + 6:.0f}"


def _height(node: Mapping[str, Any]) -> float:
    lines = len(node["lines"]) + bool(node["digest"]) + (node["state"] in {"missing", "damaged"})
    return 2 * _PAD + _SMALL + _LINE + lines * _LINE


def _box(node: Mapping[str, Any], at: Point, size: Point, *, root: bool) -> Markup:
    """A box: its kind, its name, its counts, the beginning of its digest, and what is wrong with it."""
    (x, y), (width, height) = at, size
    room = width - 2 * _PAD
    texts = [("kind", node["kind"], _SMALL), ("name", Words(node["name"], node["name"]), _BIG)]
    texts += [("count", line, _SMALL) for line in node["lines"]]
    if node["digest"]:
        short = node["digest"][:12]
        texts.append(("sum", Words(short, short), _SMALL))
    if node["state"] in {"missing", "damaged"}:
        texts.append(("bad", STATES[node["state"]], _SMALL))
    written = Markup("").join(
        _text(kind, said, x + _PAD, y + _PAD + _SMALL + number * _LINE, room, size)
        for number, (kind, said, size) in enumerate(texts)
    )
    return Markup(
        '<g class="box {}{}"><title>{}</title><rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="5"/>{}</g>'
    ).format(node["state"], " root" if root else "", _whole(node), x, y, width, height, written)


def _whole(node: Mapping[str, Any]) -> str:
    return f"{node['kind'].en} {node['name']} {node['digest']}".strip()


def _text(kind: str, said: Words, x: float, y: float, room: float, size: float) -> Markup:
    one = Markup('<tspan class="{}" lang="{}">{}</tspan>')
    both = [(said.en, "en", "en"), (said.zh, "zh", "zh-Hant")]
    if said.en == said.zh:
        inner = Markup("{}").format(fitted(said.en, room, size))
    else:
        inner = Markup("").join(one.format(name, code, fitted(text, room, size)) for text, name, code in both)
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}">{}</text>').format(kind, x, y, inner)


def fitted(text: str, room: float, size: float) -> str:
    """A text cut to so many pixels at a size of type, as far as that can be told without the type.

    >>> fitted("counselling", 60, 12), fitted("心理諮商對話", 50, 12), fitted("imhi", 60, 12)
    ('counsel…', '心理諮…', 'imhi')
    """
    if _pixels(text, size) <= room:
        return text
    while text and _pixels(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text}…"


def _pixels(text: str, size: float) -> float:
    return sum(size * (1.0 if unicodedata.east_asian_width(sign) in "WF" else 0.6) for sign in text)


def _curve(points: Sequence[Point], *, wide: bool) -> str:
    """A line through points: bent from row to row, or with square corners on its lane."""
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for left, top in rest:
        if not wide or left == x:
            path += f"L{left:.1f} {top:.1f}"
        else:
            middle = (y + top) / 2
            path += f"C{x:.1f} {middle:.1f} {left:.1f} {middle:.1f} {left:.1f} {top:.1f}"
        x, y = left, top
    return path
