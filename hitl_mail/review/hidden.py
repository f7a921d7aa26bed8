"""What of a mail's HTML nobody is shown: elements that their own style or attribute hides.

A command that its writer did not see is none. Knows HTML and nothing of commands; what a style
sheet hides by its selectors it does not see.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resiliparse.parse.html import HTMLTree

_MOST = 100
"""Styles that hide, in one mail: what has more was not written by a person."""
_LONGEST = 4000
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|\s", re.DOTALL)
_HIDES = re.compile(
    r"(?:^|;)(?:display:none|visibility:(?:hidden|collapse)|mso-hide:all"
    r"|(?:font-size|opacity):(?:0*\.)?0+(?:px|pt|em|rem|ex|%)?)(?:!important)?(?:;|$)"
)
_UNPLAIN = re.compile(r"[^A-Za-z0-9:;,.()#%!/ -]")


def hidden_in(tree: HTMLTree) -> list[str]:
    """CSS selectors of all that is hidden. Raises ValueError where there is no end of it.

    By their values, not one by one: the library looks at each of many elements from the first on.
    """
    from resiliparse.parse.html import NodeType, traverse_dom

    if tree.document is None:
        return []
    found: dict[str, bool] = {}

    def look(context: Any) -> None:
        node = context.node
        if node.type == NodeType.ELEMENT and node.hasattr("style"):
            style = str(node.getattr("style") or "")
            if style not in found:
                found[style] = hides(style)

    traverse_dom(tree.document, look)
    styles = [style for style, hidden in found.items() if hidden]
    if len(styles) > _MOST:
        raise ValueError("too many styles that hide")
    return ["[hidden]", *(f'[style="{_quoted(style)}"]' for style in styles)]


def hides(style: str) -> bool:
    """Whether an element with these declarations is not seen.

    >>> hides("color: red; Display : none")
    True
    """
    return bool(_HIDES.search(_COMMENT.sub("", style[:_LONGEST].lower())))


def _quoted(text: str) -> str:
    """As it stands in a string of CSS."""
    return _UNPLAIN.sub(lambda found: f"\\{ord(found[0]):x} ", text)
