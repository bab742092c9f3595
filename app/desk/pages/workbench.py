"""The page behind the lock, made with gradio: clients, notes, forms. One is built per language.

A handler gets its session from the browser's cookie and nothing else; a window holds only which client and note it
shows, as ids. What is typed is kept by `drafts.py`, past gradio: of quick keys its events can lose the last. gr.HTML is
not used: it runs templates as script, which the pages' policy forbids.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from app.desk.intake import FIELDS
from app.desk.pages import clients, damaged, showing
from app.desk.pages.clients import Writing
from app.desk.pages.drafts import shown_in, whole, writing_of
from app.desk.pages.guard import token_of
from app.desk.pages.sessions import Ended, Session, Sessions
from app.desk.pages.words import LANGUAGES, because, say
from app.desk.store import Conflict
from xinheng.errors import DeskError, UsageError, XinhengError

_LOG = logging.getLogger("xinheng.desk")
# Of a client's notes, before anybody asks for the others: a page of hundreds takes the browser most of a second.
FIRST = 20
_SAID = {"date": "bad_date", "empty": "empty"}


class Workbench:
    """The components of the page in one language, and what is done when they are used."""

    def __init__(self, sessions: Sessions, language: str) -> None:
        self._sessions, self._language = sessions, language
        with gr.Blocks(title=self._say("desk"), analytics_enabled=False, fill_width=True) as self.blocks:
            self._lay_out()
            self._connect()

    def _say(self, key: str, **values: object) -> str:
        return say(self._language, key, **values)

    def _lay_out(self) -> None:
        self.window = gr.Textbox("{}", visible="hidden", elem_id="window", container=False)
        # Pressed by rooms: a note was saved, a client came or went.
        self.refresh = gr.Button("", visible="hidden", elem_id="refresh")
        with gr.Row(elem_id="top"):
            gr.Markdown(f"**{self._say('desk')}**", elem_id="named")
            others = " ".join(f"[{name}](/{code}/)" for code, name in LANGUAGES.items() if code != self._language)
            gr.Markdown(others, elem_id="languages")
            gr.Button(self._say("lock"), elem_id="lock", size="sm", scale=0, min_width=90)
        with gr.Row():
            with gr.Column(scale=1, min_width=260):
                self.search = gr.Textbox(label=self._say("search"), elem_id="search", max_lines=1)
                self.new = gr.Button(self._say("new"), elem_id="new")
                self.clients = gr.Radio(label=self._say("clients"), elem_id="clients", choices=[])
                self.more = gr.Markdown(elem_classes="quiet")
                gr.Markdown(self._say("keys"), elem_id="keys", elem_classes="quiet")
            # Rooms of ours stand beside `frame` in here; see `static/desk.js`.
            with gr.Column(scale=3, min_width=320, elem_id="right"), gr.Column(elem_id="frame"):
                self.unread = gr.Markdown(visible=False, elem_id="unread", elem_classes="crisis")
                self.welcome = gr.Markdown(self._say("choose"), elem_classes="quiet")
                self._lay_out_form()
                self._lay_out_client()

    def _lay_out_form(self) -> None:
        with gr.Column(visible=False, elem_id="form") as self.form:
            self.code = gr.Textbox(label=self._say("code"), elem_id="code", max_lines=1, max_length=200)
            self.fields = [
                gr.Textbox(label=self._say(field), lines=2, max_lines=20, elem_id=field, max_length=clients.LONGEST)
                for field in FIELDS
            ]
            self.form_status = gr.Markdown(elem_classes="quiet")
            with gr.Row():
                self.create = gr.Button(self._say("create"), variant="primary", elem_id="create")
                self.save_info = gr.Button(self._say("save_info"), variant="primary", elem_id="save_info")
                self.cancel = gr.Button(self._say("cancel"), elem_id="cancel")

    def _lay_out_client(self) -> None:
        with gr.Column(visible=False, elem_id="client") as self.client:
            self.title = self._text()
            self.info = self._text()
            self.edit_info = gr.Button(self._say("edit_info"), size="sm", elem_id="edit_info")
            self.which = gr.Dropdown(
                label=self._say("which"), choices=[(self._say("new_note"), "")], value="", elem_id="which"
            )
            self.day = gr.Textbox(label=self._say("date"), elem_id="date", max_lines=1, max_length=20)
            self.text = gr.Textbox(
                label=self._say("text"), lines=8, max_lines=30, elem_id="text", max_length=clients.LONGEST
            )
            self.status = gr.Markdown(elem_id="status", elem_classes="quiet")
            self.sides = self._text()
            self.save = gr.Button(self._say("save"), variant="primary", elem_id="save")
            gr.Markdown(f"## {self._say('notes')}")
            self.notes = self._text(elem_id="notes")
            self.older = gr.Button("", size="sm", elem_id="older", visible=False)

    @staticmethod
    def _text(**more: Any) -> gr.Markdown:
        """A place for text that `showing.plain` made."""
        return gr.Markdown(latex_delimiters=[], sanitize_html=True, **more)

    def _connect(self) -> None:
        panel = [
            *(
                self.window,
                self.welcome,
                self.form,
                self.client,
                self.title,
                self.info,
                self.which,
                self.day,
                self.text,
            ),
            *(self.status, self.sides, self.notes, self.older, self.clients, self.more),
            *(self.code, *self.fields, self.form_status, self.create, self.save_info),
        ]
        typed = [self.window, self.text, self.day]
        form = [self.window, self.code, *self.fields]
        self._on(self.blocks.load, self._restored, [], [self.unread, *panel])
        for event in (self.search.input, self.search.submit):
            self._on(event, self._found, [self.window, self.search], panel, newest=True)
        self._on(self.clients.input, self._chosen, [self.clients], panel)
        self._on(self.which.input, self._other_note, [self.window, self.which], panel)
        self._on(self.older.click, self._all_notes, [self.window], panel)
        self._on(self.save.click, self._save, typed, panel)
        self._on(self.new.click, self._new, [], panel)
        self._on(self.edit_info.click, self._edit_info, [self.window], panel)
        self._on(self.create.click, self._create, form, panel)
        self._on(self.save_info.click, self._save_info, form, panel)
        self._on(self.refresh.click, self._refreshed, [self.window, self.search], panel)
        self._on(self.cancel.click, self._cancel, [self.window], panel)

    def _on(
        self,
        event: Callable[..., Any],
        work: Callable[..., dict[Any, Any]],
        given: list[Any],
        shown: list[Any],
        *,
        newest: bool = False,
    ) -> None:
        """Let an event do something for a session; typing sends only what is newest once the one before is done."""

        def handler(request: gr.Request, *values: Any) -> dict[Any, Any]:
            try:
                session = self._sessions.of(token_of({"cookie": request.headers.get("cookie", "")}))
                return work(session, *(whole(value) for value in values))
            except Ended:
                raise gr.Error(self._say("ended"), print_exception=False) from None
            except XinhengError as error:
                raise gr.Error(showing.plain(self._why(session, error)), print_exception=False) from None
            except Exception as error:  # noqa: BLE001  see below
                # A traceback could quote what a person wrote.
                _LOG.error("a page's handler failed: %s in %s", type(error).__name__, work.__name__)
                told = self._say("failed", what=type(error).__name__)
                raise gr.Error(showing.plain(told), print_exception=False) from None

        handler.__annotations__["request"] = gr.Request
        event(
            handler,
            given,
            shown,
            show_progress="hidden",
            trigger_mode="always_last" if newest else "once",
            concurrency_limit=None,
            api_visibility="private",
        )

    def _why(self, session: Session, error: XinhengError) -> str:
        if error.what == "too long":
            return self._say("too_long", n=clients.LONGEST)
        if isinstance(error, Conflict):
            return self._say("elsewhere")
        if isinstance(error, UsageError) and "code" in error.what:
            return self._say("bad_code")
        if error.what in _SAID:
            return self._say(_SAID[error.what])
        if error.what in damaged.WHATS:
            return self._say("damaged_one", what=damaged.name(self._language, session.codes, str(error)))
        return because(self._language, error)

    # ---- what is shown

    def _list(self, session: Session, query: str, client_id: str | None) -> dict[Any, Any]:
        found = clients.listed(session, query)
        told = self._say("more", n=found.more) if found.more else "" if found.clients else self._say("none")
        there = client_id if client_id in {c for _, c in found.clients} else None
        return {self.clients: gr.update(choices=list(found.clients), value=there), self.more: told if query else ""}

    def _client(self, session: Session, client_id: str, note: str = "", said: str = "") -> dict[Any, Any]:
        """A client's page with what was being written."""
        client = clients.opened(session, client_id)
        at = clients.writing(session, client, note)
        there = client.newest.get(at.note)
        if at.restored and not said:
            stale = there is not None and there.version != at.version
            said = self._say("older_base" if stale else "restored")
        wrong = showing.plain(damaged.told(self._language, session.codes, client.unread))
        older = max(0, len(client.newest) - FIRST)
        numbers = [(self._say("note", n=n), n) for n in reversed(client.newest)]
        return {
            self.window: _window(at),
            self.welcome: gr.update(visible=False),
            self.form: gr.update(visible=False),
            self.client: gr.update(visible=True),
            self.title: f"<h2>{showing.plain(client.code)}</h2>",
            self.info: showing.info(self._language, client),
            self.which: gr.update(choices=[(self._say("new_note"), ""), *numbers], value=at.note),
            self.day: at.day,
            self.text: at.text,
            self.status: "\n\n".join(filter(None, (said, wrong))),
            self.sides: "",
            self.notes: showing.notes(self._language, client, most=FIRST),
            self.older: gr.update(visible=older > 0, value=self._say("older_notes", n=older)),
        }

    def _form(self, session: Session, client_id: str | None) -> dict[Any, Any]:
        held = clients.form(session, client_id)
        window = {"client": client_id, "form": True, "version": held.version, "draft": held.draft}
        new = client_id is None
        return {
            self.window: json.dumps(window),
            self.welcome: gr.update(visible=False),
            self.client: gr.update(visible=False),
            self.form: gr.update(visible=True),
            self.code: gr.update(visible=new, value=held.fields.get("code", "")),
            **{box: held.fields.get(field, "") for box, field in zip(self.fields, FIELDS, strict=True)},
            self.form_status: self._say("restored") if held.draft else "",
            self.create: gr.update(visible=new),
            self.save_info: gr.update(visible=not new),
        }

    def _start(self) -> dict[Any, Any]:
        hidden, shown = gr.update(visible=False), gr.update(visible=True)
        return {self.window: "{}", self.welcome: shown, self.form: hidden, self.client: hidden}

    # ---- what is done

    def _restored(self, session: Session) -> dict[Any, Any]:
        """The page as it was; a client who does not open any more keeps nobody from the others."""
        client_id = session.client_id
        try:
            shown = self._client(session, client_id) if client_id else self._start()
        except DeskError as error:
            session.unread[:] = dict.fromkeys([*session.unread, str(error)])
            session.client_id, client_id, shown = None, None, self._start()
        told = damaged.told(self._language, session.codes, session.unread)
        unread = gr.update(visible=bool(told), value=showing.plain(told))
        return {self.unread: unread, **shown, **self._list(session, "", client_id)}

    def _refreshed(self, session: Session, held: str, query: str) -> dict[Any, Any]:
        client_id = shown_in(held)["client"]
        listed = self._list(session, query, client_id)
        there = client_id in session.codes
        return {**(self._client(session, client_id) if there else self._start()), **listed}

    def _found(self, session: Session, held: str, query: str) -> dict[Any, Any]:
        window = shown_in(held)
        return self._list(session, query, window["client"])

    def _chosen(self, session: Session, client_id: str) -> dict[Any, Any]:
        return self._client(session, client_id)

    def _all_notes(self, session: Session, held: str) -> dict[Any, Any]:
        client = clients.opened(session, shown_in(held)["client"])
        return {self.notes: showing.notes(self._language, client), self.older: gr.update(visible=False)}

    def _other_note(self, session: Session, held: str, note: str) -> dict[Any, Any]:
        window = shown_in(held)
        return self._client(session, window["client"], note or "")

    def _save(self, session: Session, held: str, text: str, day: str) -> dict[Any, Any]:
        window = shown_in(held)
        at = writing_of(window)
        try:
            made = clients.save(session, at, text, day)
        except Conflict as conflict:
            version = conflict.theirs.version if conflict.theirs else 0
            return {
                self.window: _window(clients.rebased(session, at, version, text, day)),
                self.status: self._say("conflict", v=version),
                self.sides: showing.sides(self._language, text, conflict.theirs),
            }
        said = self._say("saved", n=made.record_id, v=made.version)
        return {**self._client(session, at.client_id, said=said)}

    def _new(self, session: Session) -> dict[Any, Any]:
        return self._form(session, None)

    def _edit_info(self, session: Session, held: str) -> dict[Any, Any]:
        window = shown_in(held)
        return self._form(session, window["client"])

    def _create(self, session: Session, _: str, code: str, *values: str) -> dict[Any, Any]:
        fields: dict[str, str] = dict(zip(FIELDS, values, strict=True))
        client_id = clients.create(session, code, fields)
        return {**self._client(session, client_id), **self._list(session, "", client_id)}

    def _save_info(self, session: Session, held: str, *values: str) -> dict[Any, Any]:
        window = shown_in(held)
        try:
            clients.save_info(session, window["client"], self._filled(values), window["version"])
        except Conflict as conflict:
            version = conflict.theirs.version if conflict.theirs else 0
            told = self._say("conflict", v=version)
            sides = showing.sides(self._language, "\n".join(values[1:]), conflict.theirs)
            return {self.window: json.dumps({**window, "version": version}), self.form_status: f"{told}\n\n{sides}"}
        return self._client(session, window["client"])

    def _cancel(self, session: Session, held: str) -> dict[Any, Any]:
        window = shown_in(held)
        clients.forget_form(session, window["client"] or None)
        back = session.client_id
        return self._client(session, back) if back else self._start()

    @staticmethod
    def _filled(values: tuple[str, ...]) -> dict[str, str]:
        return dict(zip(("code", *FIELDS), values, strict=True))


def _window(at: Writing) -> str:
    """What a window holds: no word."""
    numbers = {"version": at.version, "draft": at.draft}
    return json.dumps({"client": at.client_id, "note": at.note, **numbers, "id": at.draft_id})
