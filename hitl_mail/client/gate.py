"""`gated`: a function of the agent's own that runs only with what was approved, once.

The call becomes an action of a kind whose executor is `agent`; what is approved comes back as a
permit. Taking a permit is durable before the function runs, and its outcome is reported after it:
a process that dies in between leaves a case in doubt, and no second run.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import string
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from hitl_mail.client.aio import AsyncClient
from hitl_mail.client.outcome import InDoubt, Result
from hitl_mail.client.spool import Files
from hitl_mail.client.sync import Client
from hitl_mail.errors import HitlError, Refused, UsageError

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST, _LONGEST_VALUE = 200, 64 * 1024
"""Characters of a summary, and of a return value as JSON."""
_ROOT = re.compile(r"[.\[]")
_UNKEPT = "returned_but_not_kept"
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)


def gated(
    kind: str,
    *,
    summary: str | None = None,
    id: Callable[..., str] | None = None,
    client: Callable[[], Client | AsyncClient] | None = None,
    timeout: float | None = None,
    **more: Any,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Wrap a function, plain or async, so that every call asks first.

    The arguments by their names are the payload; the function is called with the payload that was
    approved, edited or not, and its return value (or exception) is passed on and reported.
    `summary` may name arguments: `"Refund {amount} {currency}"`. `id` makes the action's id of
    the arguments: with it, a call that a restarted program makes again is the same case, and what
    it returned is returned again. `client` gives the client to use, by default one of
    `$HITL_MAIL_SPOOL` or `$HITL_MAIL_HOME`. `more` are other fields of `hitl-mail schema action`.

    Calls raise what `Client.wait` raises. Raises TypeError for a function whose arguments have no
    names or that has no argument which `summary` names, where no kind is given, and where `id`
    is no function.
    """
    if not isinstance(kind, str):
        raise TypeError('gated needs the kind of action: write @gated("payment.refund")')
    if id is not None and not callable(id):
        raise TypeError(
            "gated needs a function that makes the id of the arguments:"
            ' write id=lambda order, **_: f"refund-{order}"'
        )

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        gate = _Gate(function, kind, summary, id, timeout, more)
        make = client

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def asks_async(*args: Any, **options: Any) -> Any:
                side = make() if make is not None else AsyncClient()
                if not isinstance(side, AsyncClient):
                    raise UsageError("an async function is gated by an AsyncClient")
                return await gate.call_async(side, args, options)

            return cast(Callable[P, R], asks_async)

        @functools.wraps(function)
        def asks(*args: Any, **options: Any) -> Any:
            side = make() if make is not None else Client()
            if not isinstance(side, Client):
                raise UsageError("a plain function is gated by a Client")
            return gate.call(side, args, options)

        return cast(Callable[P, R], asks)

    return wrap


class _Gate:
    def __init__(
        self,
        function: Callable[..., Any],
        kind: str,
        summary: str | None,
        id: Callable[..., str] | None,
        timeout: float | None,
        more: dict[str, Any],
    ) -> None:
        self.function = function
        self.signature = inspect.signature(function)
        self.kind, self.summary, self.id = kind, summary, id
        self.timeout, self.more = timeout, more
        for name, parameter in self.signature.parameters.items():
            if parameter.kind in _POSITIONAL:
                raise TypeError(f"{function.__name__}: {name} has no name in a payload")
        self._check_summary()

    def call(self, side: Client, args: Any, options: Any) -> Any:
        result = side.wait(side.submit(**self._action(args, options)), self.timeout)
        if result.permit is None:
            return self._done_before(result)
        with self._run(side.files, result) as run:
            run.value = self.function(*run.args, **run.kwargs)
        return run.value

    async def call_async(self, side: AsyncClient, args: Any, options: Any) -> Any:
        submitted = await side.submit(**self._action(args, options))
        result = await side.wait(submitted, self.timeout)
        if result.permit is None:
            return self._done_before(result)
        with self._run(side.files, result) as run:
            run.value = await cast(Awaitable[Any], self.function(*run.args, **run.kwargs))
        return run.value

    @contextmanager
    def _run(self, files: Files, result: Result) -> Iterator[_Run]:
        """What was approved, once this process holds the permit; what comes of it is reported."""
        bound = self._take(files, result)
        run = _Run(bound.args, bound.kwargs)
        try:
            yield run
        except Exception as error:
            files.report(result, _failed(error))
            raise
        files.report(result, _returned(run.value))

    def _action(self, args: Any, options: Any) -> dict[str, Any]:
        # What is missing here to report an outcome is better missed before anything runs.
        import hitl_mail.core.canonical  # noqa: F401

        bound = self.signature.bind(*args, **options)
        bound.apply_defaults()
        payload = dict(bound.arguments)
        for name, parameter in self.signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                payload.update(payload.pop(name))
        return {
            "kind": self.kind,
            "payload": payload,
            "summary": self._summary(payload),
            "id": None if self.id is None else self.id(**payload),
            **self.more,
        }

    def _summary(self, payload: dict[str, Any]) -> str:
        if self.summary is not None:
            text = self.summary.format(**payload)
        else:
            text = (inspect.getdoc(self.function) or "").partition("\n")[0]
        return " ".join((text or self.function.__name__).split())[:_LONGEST]

    def _check_summary(self) -> None:
        """What a summary names has to be there in every call, and is better missed in none."""
        parameters = self.signature.parameters
        if self.summary is None or any(
            one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values()
        ):
            return
        who = self.function.__name__
        try:
            named = [name for _, name, _, _ in string.Formatter().parse(self.summary)]
        except ValueError as error:
            raise TypeError(f"{who}: the summary {self.summary!r}: {error}") from None
        for name in named:
            # Of `order.id` and `items[0]`, too, it is the first part that has to be an argument.
            root = None if name is None else _ROOT.split(name)[0]
            if root is not None and root not in parameters:
                known = ", ".join(parameters) or "none"
                what = f"the summary names {{{name}}}, which is no argument"
                raise TypeError(f"{who}: {what}; its arguments: {known}")

    def _take(self, files: Files, result: Result) -> inspect.BoundArguments:
        """The arguments that were approved, once this process holds the permit."""
        try:
            bound = self.signature.bind(**result.payload)
        except TypeError as error:
            said = f"what was approved does not fit {self.function.__name__}: {error}"
            if files.take(result):
                files.report(result, {"ok": False, "error": said})
            raise UsageError(f"{result.case}: {said}; nothing was run") from None
        if not files.take(result):
            # Who took it may be at work this very moment: no report of ours could be true.
            until = f" by {result.permit.until:%Y-%m-%d %H:%M:%S %Z}" if result.permit else ""
            now = "its permit was taken before, and another process may be running it now"
            why = f"{now}; where no report comes{until}, people are asked"
            raise InDoubt(result, why)
        return bound

    def _done_before(self, result: Result) -> Any:
        """What an earlier call under the same id returned."""
        outcome = result.outcome or {}
        if "returned" in outcome:
            return outcome["returned"]
        if _UNKEPT in outcome:
            kept = f"what it returned, {outcome[_UNKEPT]}, is no JSON of a moderate size"
            raise HitlError(f"{result.case}: it ran before, and {kept}; it was not run again")
        raise UsageError(
            f"{result.case}: it was carried out without this function, which did not run: its kind"
            " has an executor, or somebody else reported on its permit. A gated function is for"
            f" kinds without one. If that executor was only the rehearsal: take `executor` out of"
            f' [kinds."{self.kind}"] in rules.toml, and call with another id. If it was a real one,'
            " it is done: nothing more to do"
        )


@dataclass
class _Run:
    """One run of a gated function; `value` is what it returned."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    value: Any = None


def _returned(value: Any) -> dict[str, Any]:
    """The outcome of a run, with what it returned where a receipt can hold it: a report that the
    daemon refuses would leave in doubt what is known to have run."""
    from hitl_mail.core.canonical import check

    try:
        text = json.dumps({"outcome": {"ok": True, "returned": value}}, allow_nan=False)
        report = json.loads(text)
        check(report)
        whole = len(text) <= _LONGEST_VALUE
    except (TypeError, ValueError, RecursionError, Refused):
        whole = False
    return report["outcome"] if whole else {"ok": True, _UNKEPT: type(value).__name__}


def _failed(error: Exception) -> dict[str, Any]:
    # A text that is no UTF-8 could not be written down, and would hide the error itself.
    said = f"{type(error).__name__}: {error}"[:1000].encode("utf-8", "replace").decode()
    return {"ok": False, "error": said}
