"""How the HTML of a mail looks, computed: the colours, sizes and roles of all that it shows.

A mail has its styles in its elements; in the dark the `@media` rules of its head come on top. This
follows colour, background and font size as they are inherited, and nothing else of CSS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "br", "img", "hr", "input", "link"}
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{(.*)\}\s*</style>", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


@dataclass(frozen=True)
class Node:
    """An element with what it inherits. `ancestors` are (tag, classes), outermost first."""

    tag: str
    attributes: dict[str, str]
    ancestors: tuple[tuple[str, frozenset[str]], ...]
    color: str = "#000000"
    background: str = "#ffffff"
    size: float = 16.0

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(self.attributes.get("class", "").split())


@dataclass
class Look(HTMLParser):
    """`texts` are (text, its element); `nodes` all elements in order."""

    html: str
    dark: bool = False
    texts: list[tuple[str, Node]] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        found = _DARK.search(self.html) if self.dark else None
        self._rules = [
            (selector.split(), _style(style))
            for selectors, style in _RULE.findall(found[1] if found else "")
            for selector in selectors.split(",")
        ]
        self._open = [Node("", {}, ())]
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        parent = self._open[-1]
        attributes = {name: value or "" for name, value in attrs}
        ancestors = (*parent.ancestors, (parent.tag, parent.classes))
        bare = Node(tag, attributes, ancestors, parent.color, parent.background, parent.size)
        style = _style(attributes.get("style", ""))
        for selector, more in self._rules:
            if _matches(selector, bare):
                style |= more
        size = re.search(r"([\d.]+)px", style.get("font-size", style.get("font", "")))
        node = Node(
            tag,
            attributes,
            ancestors,
            style.get("color", parent.color),
            style.get("background", parent.background),
            float(size[1]) if size else parent.size,
        )
        self.nodes.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = {node.tag for node in self._open}
        if data.strip() and "body" in tags:
            self.texts.append((data.strip(), self._open[-1]))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours `#rrggbb`, as WCAG 2 defines it: 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _style(text: str) -> dict[str, str]:
    pairs = (part.partition(":") for part in text.split(";") if ":" in part)
    return {name.strip(): value.replace("!important", "").strip() for name, _, value in pairs}


def _matches(selector: list[str], node: Node) -> bool:
    *above, last = selector
    chain = node.ancestors
    return _is(last, node.tag, node.classes) and all(
        any(_is(part, tag, classes) for tag, classes in chain) for part in above
    )


def _is(part: str, tag: str, classes: frozenset[str]) -> bool:
    return part[1:] in classes if part.startswith(".") else part == tag
