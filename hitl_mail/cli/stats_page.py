"""What `stats` found as one self-contained page: tables, and plots in SVG.

Importing this is slow: matplotlib. Raises `ImportError` where it is not installed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hitl_mail.cli.stats_words import duration, outcomes, pace, share
from hitl_mail.core.text import visible
from hitl_mail.resources import shipped

INK = "#6b7684"
"""A grey that can be read on a light page and on a dark one."""

COLORS = {
    "ran_alone": "#9aa5b1",
    "approved": "#2e8b57",
    "edited": "#3b7dd8",
    "rejected": "#c8453b",
    "expired": "#d79a26",
    "denied": "#7a4fa3",
    "other": "#5f6b78",
}
"""One for each of `policy.economics.OUTCOMES`; told apart by those who see no red, too, by the
legend's order and the numbers in the tables."""

_WORDS = {"ran_alone": "ran alone"}
_MOST_RULES = 12

Draw = Callable[[Axes, dict[str, Any]], None]

# Text stays text, so that it can be searched and read aloud; ids do not change from run to run.
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hitl-mail",
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
}


def stats_page(report: dict[str, Any]) -> str:
    """The page as HTML; `report` is what `stats --json` prints."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(shipped("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(duration=duration, pace=pace, outcomes=outcomes, visible=visible)
    plots = []
    if report["all"]["actions"]:
        plots = [
            ("Actions by day, and what became of them", _svg(_days, report, 3.2)),
            ("Time to decide, from the mail to the answer", _svg(_waits, report, 2.6)),
            ("By rule", _svg(_rules, report, 1.1 + 0.42 * min(len(report["rules"]), _MOST_RULES))),
        ]
    return templates.get_template("stats.html").render(report=report, plots=plots, share=share)


def _svg(draw: Draw, report: dict[str, Any], height: float) -> Markup:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(8.4, height), layout="constrained")
        axes = figure.add_subplot()
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        axes.tick_params(colors=INK, length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(INK)
        draw(axes, report)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    # A size of its own would not give way to a narrow screen.
    drawn = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawn, count=1)
    drawn = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawn, count=1)
    return Markup(drawn)  # noqa: S704 - matplotlib escapes the texts it draws


def _days(axes: Axes, report: dict[str, Any]) -> None:
    days = report["days"]
    below = [0] * len(days)
    for name, color in COLORS.items():
        counts = [day[name] for day in days]
        if any(counts):
            label = _WORDS.get(name, name)
            axes.bar(range(len(days)), counts, bottom=below, color=color, label=label, width=0.8)
            below = [low + count for low, count in zip(below, counts, strict=True)]
    step = max(1, len(days) // 8)
    shown = range(0, len(days), step)
    axes.set_xticks(list(shown), [days[at]["day"][5:] for at in shown])
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=INK, alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, ncols=7, loc="lower left", bbox_to_anchor=(0, 1), fontsize="small")


def _waits(axes: Axes, report: dict[str, Any]) -> None:
    counts = [row["answers"] for row in report["waits"]]
    bounds = [row["up_to_seconds"] for row in report["waits"]]
    within = sum(bound is not None and bound <= report["goal_seconds"] for bound in bounds)
    colors = [COLORS["approved"]] * within + [COLORS["expired"]] * (len(bounds) - within)
    drawn = axes.bar(range(len(counts)), counts, color=colors, width=0.8)
    axes.bar_label(drawn, padding=2, color=INK, fontsize="small")
    names = [f"≤ {duration(bound)}" if bound else "longer" for bound in bounds]
    axes.set_xticks(range(len(counts)), names)
    axes.set_yticks([])
    axes.margins(y=0.18)
    axes.axvline(within - 0.5, color=INK, linestyle="--", linewidth=1)
    axes.text(within - 0.45, 0.95, "the goal", transform=axes.get_xaxis_transform(), va="top")


def _rules(axes: Axes, report: dict[str, Any]) -> None:
    rules = report["rules"][:_MOST_RULES][::-1]
    before = [0] * len(rules)
    for name in ("ran_alone", "approved", "edited", "rejected", "expired", "denied"):
        counts = [rule[name] for rule in rules]
        if any(counts):
            label = _WORDS.get(name, name)
            axes.barh(range(len(rules)), counts, left=before, color=COLORS[name], label=label)
            before = [at + count for at, count in zip(before, counts, strict=True)]
    names = [visible(rule["rule"]) for rule in rules]
    axes.set_yticks(range(len(rules)), names)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="x", color=INK, alpha=0.25)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, ncols=6, loc="lower left", bbox_to_anchor=(0, 1), fontsize="small")
