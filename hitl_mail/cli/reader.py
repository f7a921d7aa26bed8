"""Reading a home beside its daemon: open cases from the journal, closed ones from receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hitl_mail import bootstrap
from hitl_mail.core import documents
from hitl_mail.core.case import Case
from hitl_mail.core.records import State
from hitl_mail.errors import UsageError
from hitl_mail.home import NO_DAEMON, START_ONE, Home
from hitl_mail.settings import DEFAULT_AGENT

if TYPE_CHECKING:
    from hitl_mail.adapters.receipts.lookup import Lookup

_SHORTEST = 4


class Reader:
    """Finds cases by the names people use for them: design 1.6."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._state: State | None = None
        self._receipts: Lookup | None = None

    @property
    def state(self) -> State:
        if self._state is None:
            self._state = bootstrap.read_state(self.home)
        return self._state

    @property
    def receipts(self) -> Lookup:
        if self._receipts is None:
            self._receipts = bootstrap.read_receipts(self.home)
        return self._receipts

    def cases(self) -> dict[str, Case]:
        """Open cases, and final ones whose receipt or mail is still on its way."""
        return self.state.cases

    def show(self, name: str) -> dict[str, Any]:
        """All there is to tell of one case."""
        case_id = self.case_id(name)
        case = self.cases().get(case_id)
        if case is not None:
            return _shown(case)
        receipt = self.receipt(case_id)
        review = self.receipts.by_about(documents.about_review(case_id))
        said = _reviewed(self.receipts.receipt(review)) if review is not None else None
        revisions = receipt["revisions"]
        payload = revisions[-1]["payload"] if isinstance(revisions, list) else None
        ref = {"seq": receipt["seq"], "digest": receipt["digest"]}
        return {**receipt, "payload": payload, "receipt": ref, "review": said}

    def receipt(self, case_id: str) -> dict[str, Any]:
        """The receipt of a closed case."""
        row = self.receipts.by_about(case_id)
        if row is None:
            raise UsageError(f"{case_id} is not closed yet; see: hitl-mail show {case_id}")
        return self.receipts.receipt(row)

    def open_case(self, name: str) -> Case:
        """The one open case of that name. Refuses what is not unique, or closed."""
        case_id = self.certain_id(name)
        case = self.cases().get(case_id)
        if case is None or (case.final and not case.in_review):
            status = case.status if case else self._status(case_id)
            raise UsageError(
                f"{case_id} is closed already: {status}; nothing was changed."
                f" See: hitl-mail show {case_id}"
            )
        return case

    def agent_id(self, name: str, agent: str | None) -> tuple[str, str]:
        """(agent, id) of a case; a name nobody knows yet is the agent's own id.

        `agent`: the one whose id it is, None for any.
        """
        found = self._find(name)
        if agent is not None:
            found = {case_id for case_id in found if self._names(case_id)[0] == agent}
        if found:
            return self._names(self._one(name, found))
        owner, _, action_id = name.rpartition("/")
        return agent or owner or DEFAULT_AGENT, action_id

    def _names(self, case_id: str) -> tuple[str, str]:
        """(agent, id) of a case that is there."""
        case = self.cases().get(case_id)
        if case is not None:
            return case.agent, case.action_id
        receipt = self.receipt(case_id)
        return receipt["agent"], receipt["id"]

    def case_id(self, name: str) -> str:
        """The case id that `name` means. Raises `UsageError` for none or several."""
        found = self._find(name)
        if not found:
            raise UsageError(f"no case {name}{self._why_none(name)}")
        return self._one(name, found)

    def certain_id(self, name: str) -> str:
        """As `case_id`, for whoever changes something: an agent chooses its ids, and one that is
        also a part of another case's id, which its reader may have meant, means neither."""
        case_id = self.case_id(name)
        if name == case_id or "/" in name:
            return case_id
        return self._one(name, {case_id} | self._by_fragment(name))

    def knows(self, name: str) -> bool:
        """Whether there is a case of that name, or several."""
        return bool(self._find(name))

    def _close(self, name: str) -> str:
        """What may have been meant; else how a case is named."""
        from difflib import get_close_matches

        names = [name for case in self.cases().values() for name in (case.id, case.action_id)]
        if close := get_close_matches(name.lower(), names, 1):
            return f". Did you mean {close[0]}? See: hitl-mail queue"
        short = f" (a part of a case id has at least {_SHORTEST} characters)"
        few = short if len(name) < _SHORTEST else ""
        return f"{few}; see: hitl-mail queue, hitl-mail receipts list"

    def _why_none(self, name: str) -> str:
        from hitl_mail.cli.down import waiting_file

        waits = waiting_file(self.home, name)
        if waits is None:
            return self._close(name)
        where = f" yet: its file waits in {waits / 'new'}"
        if self.home.running():
            return f"{where}; the daemon takes it soon, or its agent has too many open cases"
        return f"{where}, for {NO_DAEMON}; {START_ONE}"

    def _one(self, name: str, found: set[str]) -> str:
        if len(found) > 1:
            some = ", ".join(sorted(found)[:5]) + (", …" if len(found) > 5 else "")
            raise UsageError(f"{name} could be any of {some}; name the case id in full")
        return next(iter(found))

    def _find(self, name: str) -> set[str]:
        cases = self.cases()
        if name in cases or self.receipts.by_about(name) is not None:
            return {name}
        return self._by_agent_id(name) or self._by_fragment(name)

    def _by_agent_id(self, name: str) -> set[str]:
        agent, slash, action_id = name.rpartition("/")
        found = {
            case.id
            for case in self.cases().values()
            if case.action_id == action_id and (not slash or case.agent == agent)
        }
        held = {(self.cases()[case].agent, action_id) for case in found}
        for row in self.receipts.by_id(action_id):
            # Of an id used again after `limits.remember`, the newest case is meant.
            if (not slash or row.agent == agent) and (row.agent, row.id) not in held:
                newest = self.receipts.by_agent_id(row.agent, row.id)
                found.add(newest.case if newest else row.case)
        return found

    def _by_fragment(self, name: str) -> set[str]:
        if len(name) < _SHORTEST:
            return set()
        found = {case for case in self.cases() if case.startswith(name) or case.endswith(name)}
        return found | set(self.receipts.find(name))

    def _status(self, case_id: str) -> str:
        row = self.receipts.by_about(case_id)
        return row.status if row else "unknown"


def _reviewed(receipt: dict[str, Any]) -> dict[str, Any]:
    """What became of a review: the same keys as of one that is open."""
    return {
        "status": receipt["status"],
        "expires_at": receipt["expires_at"],
        "decisions": receipt["decisions"],
        "receipt": {"seq": receipt["seq"], "digest": receipt["digest"]},
    }


def _shown(case: Case) -> dict[str, Any]:
    ref = {"seq": case.receipt.seq, "digest": case.receipt.digest} if case.receipt else None
    return {
        **documents.case_document(case),
        **documents.queue_row(case),
        "payload": case.payload,
        "receipt": ref,
        "review": documents.review_document(case),
    }
