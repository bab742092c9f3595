"""Altair charts that need nothing from outside the page, in both languages.

Each chart is drawn twice over. A static SVG stands in the page: it prints, and shows without script.
Where script runs, Vega draws the same specification again at the width at hand, with tooltips: a
static picture shrunk to a phone could not be read. Colours are CSS variables, so one drawing serves
light, dark and paper. The text alternative is the caption, the numbers are in the table beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from reports.labels import Words, clean, shortened

if TYPE_CHECKING:
    import altair as alt

STATIC_WIDTH_PX: Final = 720
MOST_BARS: Final = 60
LABEL_CHARACTERS: Final = 36
PADDING: Final = {"left": 2, "right": 14, "top": 4, "bottom": 4}
FONT: Final = "system-ui, 'Noto Sans TC', 'PingFang TC', 'Microsoft JhengHei', sans-serif"

Row = Mapping[str, Any]
Say = Callable[[Words], str]
Build = Callable[[Say], "alt.LayerChart"]


@dataclass(frozen=True)
class Figure:
    """One chart, ready for a page.

    Args:
        caption: What it shows, in a sentence that also serves who cannot see it.
        legend: (name of the colour in the style sheet, what it stands for).
        svg: The static drawing per language; null when the package that draws is not installed.
        spec: The Vega-Lite specification per language as JSON; null likewise.
    """

    caption: Words
    legend: Sequence[tuple[str, Words]]
    svg: Words | None
    spec: Words | None


def available() -> bool:
    """Whether the packages that draw are installed (the extra `report`)."""
    return find_spec("altair") is not None and find_spec("vl_convert") is not None


@cache
def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script: 0.9 MB, the same for every page."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def figure(build: Build, caption: Words, legend: Sequence[tuple[str, Words]] = ()) -> Figure:
    """Draw a chart in both languages.

    Args:
        build: Makes the chart; it is given the function that picks the language's words.
        caption: See `Figure`.
        legend: See `Figure`.
    """
    if not available():
        return Figure(caption, legend, None, None)
    import vl_convert

    specs = [_spec(build(lambda words: shortened(words.en, LABEL_CHARACTERS)))]
    specs.append(_spec(build(lambda words: shortened(words.zh, LABEL_CHARACTERS))))
    # The drawer knows fewer fonts than the browser: room on the left for names that turn out wider.
    still = {"width": STATIC_WIDTH_PX, "padding": {**PADDING, "left": 26}}
    drawings = [vl_convert.vegalite_to_svg(json.dumps({**spec, **still})) for spec in specs]
    texts = [json.dumps(spec, ensure_ascii=False, sort_keys=True, separators=(",", ":")) for spec in specs]
    return Figure(caption, legend, Words(*drawings), Words(*texts))


def ranges(
    rows: Sequence[Row], parts: Mapping[str, Words], unit: Words, *, shares: bool = False, notes: bool = False
) -> Build:
    """Horizontal bars made of parts laid end to end.

    Args:
        rows: One per bar: label (Words), parts (name -> number), notes ((colour, text) printed behind
            the bar), marks (numbers where a tick crosses the bar).
        parts: Name of the colour -> its words, in the order in which they lie.
        unit: What the numbers count.
        shares: The parts are shares of 1 and the axis ends there.
        notes: Leave room behind the bars for the notes.
    """

    def build(say: Say) -> alt.LayerChart:
        import altair as alt

        bars, ticks, texts = _laid_out(rows, parts, say, shares=shares)
        longest = 1.0 if shares else max((sum(row["parts"].values()) for row in rows), default=0) or 1
        scale = alt.Scale(domain=[0, longest * (1.22 if notes else 1)], nice=False, zero=True)
        axis = alt.Axis(format="%", tickCount=5) if shares else alt.Axis(format=",d", tickCount=5, tickMinStep=1)
        x = alt.X("from:Q", title=say(unit), scale=scale, axis=axis)
        y = _names([say(row["label"]) for row in rows])
        base = alt.Chart(alt.InlineData(values=bars), height=max(len(rows), 1) * 22)
        layers: list[alt.Chart] = [
            base.mark_bar(height={"band": 0.66}).encode(x, y, x2="to:Q", color=_colours(parts), tooltip="tip:N")
        ]
        if ticks:
            data = alt.InlineData(values=ticks)
            layers.append(alt.Chart(data).mark_tick(thickness=2, color="var(--ink)", size=20).encode(alt.X("at:Q"), y))
        if texts:
            data = alt.InlineData(values=texts)
            text = alt.Chart(data).mark_text(align="left", dx=6, fontSize=12)
            layers.append(text.encode(alt.X("at:Q"), y, text="note:N", color=_colours(parts)))
        return alt.LayerChart(layer=layers)

    return build


def grouped(rows: Sequence[Row], parts: Mapping[str, Words], unit: Words) -> Build:
    """Horizontal bars side by side within each name; a zero is printed, not left blank.

    Args:
        rows: One per name: label (Words), shares (part -> share of 1), counts (part -> number).
        parts: Name of the colour -> its words, in order.
        unit: What the shares are shares of.
    """

    def build(say: Say) -> alt.LayerChart:
        import altair as alt

        values = [
            {"row": number, "part": part, "share": row["shares"][part],
             "zero": "0" if any(row["counts"].values()) and not row["counts"][part] else "",
             "tip": f"{say(row['label'])} · {say(words)} · {row['counts'][part]:,} ({row['shares'][part]:.1%})"}
            for number, row in enumerate(rows)
            for part, words in parts.items()
        ]  # fmt: skip
        data = alt.InlineData(values=values)
        x = alt.X("share:Q", title=say(unit), axis=alt.Axis(format="~%", tickCount=5), scale=alt.Scale(zero=True))
        y = _names([say(row["label"]) for row in rows])
        offset = alt.YOffset("part:N", sort=list(parts), scale=alt.Scale(domain=list(parts), paddingOuter=0.12))
        base = alt.Chart(data, height=max(len(rows), 1) * (8 * len(parts) + 7))
        bars = base.mark_bar().encode(x, y, yOffset=offset, color=_colours(parts), tooltip="tip:N")
        zero: dict[str, Any] = {"align": "left", "dx": 3, "fontWeight": "bold", "color": "var(--fail)"}
        partly = base.mark_text(**zero, fontSize=9).encode(x, y, yOffset=offset, text="zero:N")
        absent = [{"row": n, "share": 0, "zero": "0"} for n, row in enumerate(rows) if not any(row["counts"].values())]
        never = alt.Chart(alt.InlineData(values=absent)).mark_text(**zero, fontSize=12).encode(x, y, text="zero:N")
        return alt.LayerChart(layer=[bars, partly, never] if absent else [bars, partly])

    return build


def lines(points: Sequence[Row], parts: Mapping[str, Words], across: Words, up: Words) -> Build:
    """Lines over a number, with a dot on every point of those that have few.

    Args:
        points: x, y, part (which line).
        parts: Name of the colour -> its words, in order.
        across: What x is.
        up: What y is.
    """

    def build(say: Say) -> alt.LayerChart:
        import altair as alt

        values = [
            {"x": p["x"], "y": p["y"], "part": p["part"], "tip": f"{say(parts[p['part']])} · {p['x']:,} · {p['y']:.4f}"}
            for p in points
        ]
        x = alt.X("x:Q", title=say(across), axis=alt.Axis(format=",d", tickMinStep=1, tickCount=6, grid=False))
        y = alt.Y("y:Q", title=say(up), axis=alt.Axis(format=".3~g", tickCount=6), scale=alt.Scale(zero=False))
        base = alt.Chart(alt.InlineData(values=values), height=260).encode(x, y, color=_colours(parts), tooltip="tip:N")
        few = [part for part in parts if sum(p["part"] == part for p in points) <= MOST_BARS]
        dots = base.mark_circle(size=38, opacity=1).transform_filter(alt.FieldOneOfPredicate("part", few))
        return alt.LayerChart(layer=[base.mark_line(strokeWidth=2), dots])

    return build


def cells(rows: Sequence[Row], columns: Sequence[Words], names: Sequence[Words]) -> Build:
    """A heat map with the number in each cell.

    Args:
        rows: One per cell: row and column (positions in `names` and `columns`), count, warn (bool).
        columns: Across, in order.
        names: Down, in order.
    """

    def build(say: Say) -> alt.LayerChart:
        import altair as alt

        values = [
            {"row": cell["row"], "column": cell["column"], "count": cell["count"], "shown": f"{cell['count']:,}",
             "part": "warn" if cell["warn"] else "accent",
             "tip": f"{say(names[cell['row']])} · {say(columns[cell['column']])} · {cell['count']:,}"}
            for cell in rows
        ]  # fmt: skip
        across = alt.Axis(orient="top", labelExpr=_lookup([say(c) for c in columns]), labelAngle=0, **_bare())
        x = alt.X("column:O", sort=None, title=None, axis=across, scale=alt.Scale(domain=list(range(len(columns)))))
        y = _names([say(name) for name in names])
        base = alt.Chart(alt.InlineData(values=values), height=max(len(names), 1) * 30).encode(x, y)
        parts = ["accent", "warn"]
        # At most half opaque, so that the number in the cell keeps its contrast in light and dark.
        depth = alt.Opacity("count:Q", legend=None, scale=alt.Scale(type="sqrt", domainMin=0, range=[0, 0.5]))
        fill = base.mark_rect().encode(opacity=depth, color=_colours(parts), tooltip="tip:N")
        edges = alt.Scale(domain=parts, range=["var(--line)", "var(--warn)"])
        stroke = alt.Stroke("part:N", legend=None, scale=edges)
        edge = base.mark_rect(fillOpacity=0, strokeWidth=1).encode(stroke=stroke)
        texts = base.mark_text(fontSize=12, color="var(--ink)", tooltip=None).encode(text="shown:N")
        return alt.LayerChart(layer=[fill, edge, texts])

    return build


def _laid_out(
    rows: Sequence[Row], parts: Mapping[str, Words], say: Say, *, shares: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """The parts of `ranges` from where to where, its ticks, and its notes."""
    bars: list[dict[str, Any]] = []
    ticks: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        start: float = 0
        for part, words in parts.items():
            size = row["parts"].get(part, 0)
            if size:
                tip = f"{say(row['label'])} · {say(words)} · {f'{size:.1%}' if shares else f'{size:,}'}"
                bars.append({"row": number, "from": start, "to": start + size, "part": part, "tip": tip})
            start += size
        ticks += [{"row": number, "at": mark} for mark in row.get("marks", ())]
        texts += [{"row": number, "at": start, "note": note, "part": part} for part, note in row.get("notes", ())]
    return bars, ticks, texts


def _names(labels: Sequence[str]) -> alt.Y:
    """The vertical axis: positions, so that two rows of one name stay two, shown as their labels."""
    import altair as alt

    axis = alt.Axis(labelExpr=_lookup(labels), **_bare())
    return alt.Y("row:O", sort=None, title=None, axis=axis, scale=alt.Scale(domain=list(range(len(labels)))))


def _lookup(labels: Sequence[str]) -> str:
    # JSON is a subset of Vega's expression language: a hostile name stays a string in it.
    return f"{json.dumps([clean(label) for label in labels], ensure_ascii=True)}[datum.value]"


def _bare() -> dict[str, Any]:
    return {"ticks": False, "domain": False, "grid": False, "labelPadding": 8}


def _colours(parts: Iterable[str]) -> alt.Color:
    import altair as alt

    return alt.Color(
        "part:N", legend=None, scale=alt.Scale(domain=list(parts), range=[f"var(--{part})" for part in parts])
    )


def _spec(chart: alt.LayerChart) -> dict[str, Any]:
    # Without Altair's validation: it takes half of a page's time, and the compiler refuses what is wrong.
    spec: dict[str, Any] = chart.to_dict(validate=False)
    spec.pop("$schema", None)
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    spec["background"] = None
    spec["padding"] = PADDING
    words = {"labelFont": FONT, "titleFont": FONT, "labelColor": "var(--ink)", "titleColor": "var(--muted)",
             "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}  # fmt: skip
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    spec["config"] = {
        # The drawing stands in an element of role img: a label on every mark would be read for nothing.
        "aria": False,
        "view": {"stroke": None},
        "axis": {**words, **lines},
        "axisY": {"labelLimit": 250},
        "axisX": {"titleLimit": 600},
        "text": {"font": FONT},
    }
    return spec
