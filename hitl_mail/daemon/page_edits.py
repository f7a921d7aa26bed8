"""The form of a case's payload, and the edit that a person makes with it."""

from __future__ import annotations

from hitl_mail.core.case import Case
from hitl_mail.daemon.world import Rules
from hitl_mail.pages import Posted
from hitl_mail.review.edits import Edit
from hitl_mail.review.form_values import (
    BadForm,
    complaints_by_field,
    edit_of_document,
    edit_of_fields,
)
from hitl_mail.review.forms import EditForm, build_form


def form_of(case: Case, rules: Rules) -> EditForm:
    """The payload that would run as a form, by the schema in force."""
    return build_form(case.payload, rules.schema_of(case.kind))


def edit_of(case: Case, posted: Posted, rules: Rules) -> Edit:
    """The edit that was posted. Raises `BadForm`, with what the schema has against it as well."""
    form = form_of(case, rules)
    if posted.document is not None:
        edit = edit_of_document(posted.document, case.payload)
    else:
        edit = edit_of_fields(form, posted.fields, case.payload)
    complaints = rules.complaints(case.kind, edit.document or {})
    if complaints:
        raise BadForm(*complaints_by_field(form, complaints))
    return edit
