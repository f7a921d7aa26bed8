"""The web door: decision and receipt pages over HTTP, for people who follow a link in a mail.

`app` turns requests into calls of `pages.Pages`, `render` turns what it answers into HTML,
`server` listens. It must not know what a token says, what a case is, or who may decide: all of
that is behind `Pages`. Starlette, uvicorn and Jinja are imported by these modules at once, so
import them where a page is really going to be served.
"""
