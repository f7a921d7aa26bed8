"""docs/cookbook.md: each recipe, put into a home as the page says, is sound and holds its tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/cookbook.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (\d\. .*?)\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE))
LINTS = {"2": 3}
"""How many lints the page says that a recipe raises."""


class Recipe:
    """One section of the page: what to delete, what to paste, and what hitl-mail.toml needs."""

    def __init__(self, title: str) -> None:
        text = SECTIONS[title]
        [before] = re.findall(r"^\*Takes the place of: (.*)\.\*$", text, re.MULTILINE)
        self.gone = re.findall(r"the (kind|rule|test) `([^`]+)`", before)
        assert bool(self.gone) == (before != "nothing"), before
        self.rules, *self.site = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)


def without(rules: str, gone: list[tuple[str, str]]) -> str:
    """Rules without the blocks that a reader deletes; each must be there once."""
    blocks = re.split(r"^(?=\[)", rules, flags=re.MULTILINE)
    for what, name in gone:
        head = f'[kinds."{name}"]' if what == "kind" else f'[[{what}s]]\nname = "{name}"'
        [block] = [block for block in blocks if block.startswith(head)]
        blocks.remove(block)
    return "".join(blocks)


def with_groups(site: str, more: str) -> str:
    """A site with a block of the page: the line of its own that a group is goes under [groups]."""
    if "[groups]" not in more:
        return site + more
    people, _, lines = more.partition("[groups]\n")
    return site.replace('[groups]\nowner = ["ada"]\n', f"[groups]\n{lines}") + people


class Starter:
    """A home as `init` makes it, for ada."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run("init", str(root), "--person", "ada", "--no-input")

    def run(self, *words: str) -> str:
        program = [sys.executable, "-m", "hitl_mail"]
        home = [] if words[0] == "init" else ["--home", str(self.root)]
        done = subprocess.run(
            [*program, *home, *words], check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def cook(self, *recipes: Recipe) -> None:
        """Do with both files what the page says."""
        rules, site = self.root / "rules.toml", self.root / "hitl-mail.toml"
        gone = [block for recipe in recipes for block in recipe.gone]
        pasted = "\n".join(recipe.rules for recipe in recipes)
        rules.write_text(without(rules.read_text(), gone) + "\n" + pasted)
        for more in (block for recipe in recipes for block in recipe.site):
            site.write_text(with_groups(site.read_text(), "\n" + more))


@pytest.fixture
def starter(tmp_path: Path) -> Starter:
    return Starter(tmp_path / "home")


def test_there_is_one_for_each_of_the_seven_reasons() -> None:
    assert [title[:2] for title in SECTIONS] == [f"{n}." for n in range(1, 8)]


@pytest.mark.parametrize("title", SECTIONS)
def test_a_recipe_works_as_the_page_says(starter: Starter, title: str) -> None:
    recipe = Recipe(title)
    starter.cook(recipe)
    checked = starter.run("rules", "check").splitlines()
    assert len(checked) == LINTS.get(title[0], 0) + 1, checked
    assert checked[-1].startswith("The rules are sound")
    tests = (starter.root / "rules.toml").read_text().count("\n[[tests]]\n")
    assert recipe.rules.count("[[tests]]") >= 2
    assert starter.run("rules", "test") == f"{tests} tests, 0 differ\n"


def test_all_of_them_together_hold_their_tests(starter: Starter) -> None:
    starter.cook(*map(Recipe, SECTIONS))
    assert starter.run("rules", "test").endswith(" tests, 0 differ\n")


def test_a_mail_recipe_without_its_look_at_copies_is_raised(starter: Starter) -> None:
    [title] = [title for title in SECTIONS if title[0] == "3"]
    recipe = Recipe(title)
    [line] = [line for line in recipe.rules.splitlines() if "has(payload.cc)" in line]
    recipe.rules = recipe.rules.replace(line, "")
    starter.cook(recipe)
    assert "nothing looks at payload.cc" in starter.run("rules", "check")
