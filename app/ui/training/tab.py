"""A training tab: the form on the left; the captions, the runs and the run looked at on the right."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import gradio as gr

from app.services.access import Action, allowed
from app.services.errors import explain
from app.services.studio import Studio
from app.services.training.recipes import Kind
from app.ui import cards
from app.ui.training import captions, runs
from app.ui.training.form import RunForm
from app.ui.training.more import MoreFields
from app.ui.training.more import state as more_state

_TICK_S = 1.5
Updates = dict[gr.blocks.Block, object]


class TrainingTab:
    """What is shown of a run lives in the run's folder and its job, so that a reload or a restart of the server shows it again."""

    def __init__(self, studio: Studio, tab: gr.Tab, kind: Kind) -> None:
        self._training, self._sounds, self._kind = studio.training, studio.sounds, kind
        may = allowed(studio.settings)
        self._may_use, self._may_write = Action.MANAGE_MODELS in may, Action.NAME_PATHS in may
        self._pack, self._page, self._shown, self._other = (gr.State(None) for _ in range(4))
        self._sent = gr.State({})
        with gr.Row(elem_classes="training", equal_height=False):
            with gr.Column(elem_classes="training-panel", min_width=300):
                self._form = RunForm(studio.training, kind, Action.NAME_PATHS in may)
                self._more = MoreFields(studio.training.more, Action.NAME_ADDRESSES in may) if kind == "train" else None
                self._needs = cards.area(elem_classes="training-needs")
                with gr.Row(elem_classes="go"):
                    self._estimate = gr.Button("Estimate", elem_id=f"{kind}-estimate")
                    self._start = gr.Button("Start", variant="primary", elem_id=f"{kind}-begin")
                self._message = cards.area(elem_classes="training-message", elem_id=f"{kind}-message")
            with gr.Column(elem_classes="training-side", min_width=300):
                self._build_side(kind)
        self._timer = gr.Timer(_TICK_S, active=False)
        self._connect(tab)

    def _build_side(self, kind: Kind) -> None:
        with gr.Accordion("Captions", open=False, visible=False, elem_classes="fold", elem_id=f"{kind}-captions") as self._captions:
            with gr.Row(elem_classes="find"):
                self._find = gr.Textbox(label="Find", max_lines=1, elem_id=f"{kind}-find")
                self._by = gr.Textbox(label="Replace by", max_lines=1, elem_id=f"{kind}-by")
                self._replace = gr.Button("Replace all", scale=0, min_width=110)
                self._reset = gr.Button("Reset all", scale=0, min_width=100)
                self._beside = gr.Button("Write captions.csv", scale=0, min_width=170, visible=self._may_write, elem_id=f"{kind}-beside")
            self._table = cards.area(elem_classes="caption-table")
        self._undo = cards.area(elem_classes="undone", elem_id=f"{kind}-undo")
        self._strip = cards.area(elem_classes="run-strip", elem_id=f"{kind}-runs")
        self._head = cards.area(elem_classes="run-head", elem_id=f"{kind}-run")
        self._demos = cards.area(elem_classes="run-demos", elem_id=f"{kind}-takes")
        with gr.Accordion("Log", open=False, visible=False, elem_classes="fold", elem_id=f"{kind}-log") as self._log_fold:
            self._log = cards.area()

    def _connect(self, tab: gr.Tab) -> None:
        quiet = {"show_progress": "hidden", "api_visibility": "private"}
        at_once = {**quiet, "queue": False}
        form, watched = self._form, [self._shown, self._other, self._sent, self._pack]
        board = [self._needs, self._strip, self._head, self._demos, self._log, self._log_fold, self._sent]
        board += [self._more.state] if self._more else []
        answered = [self._shown, self._other, self._message, self._undo]
        tab.select(self._open, None, [form.folder, form.start, self._timer, self._sent], **at_once).then(self._tick, watched, board, **at_once)
        self._timer.tick(self._tick, watched, board, **at_once)
        chosen = [self._pack, self._page, self._captions, self._table, form.about, form.demos]
        form.folder.input(self._look, form.folder, chosen, **quiet)
        form.recipe.input(form.follow, [form.recipe, form.unit], form.chosen_by_recipe, **at_once)
        form.unit.input(form.measure_in, [form.recipe, form.unit], form.length, **at_once)
        mended = [self._table, self._page, form.about, self._message]
        self._find.change(self._turn, [self._pack, self._find], mended, trigger_mode="always_last", **at_once)
        self._table.click(self._write_over, [self._pack, self._find], mended, trigger_mode="multiple", **at_once)
        gr.on([self._replace.click, self._by.submit], self._replace_all, [self._pack, self._find, self._by], mended, **at_once)
        self._reset.click(self._reset_all, [self._pack, self._find], mended, **at_once)
        asked = [self._shown, self._other, self._pack, *form.components]
        for trigger, handler in (
            (self._estimate.click, self._measure), (self._start.click, self._begin), (self._needs.click, self._begin_anyway),
        ):  # fmt: skip
            trigger(handler, asked, answered, **at_once).then(self._tick, watched, board, **at_once)
        for area in (self._strip, self._head):
            done = area.click(self._act, watched[:2], answered, trigger_mode="multiple", **quiet)
            done.then(self._tick, watched, board, **at_once)
        self._undo.undo(self._restore, self._other, answered, **at_once).then(self._tick, watched, board, **at_once)
        self._beside.click(self._write_beside, [self._pack, self._find], mended, **at_once)
        if self._more is not None:
            self._more.connect(self._pack, self._message, lambda done: done.then(self._tick, watched, board, **at_once))

    def _open(self) -> Updates:
        choices = self._training.choices(self._kind)
        return {
            self._form.folder: gr.update(choices=list(choices.folders)),
            self._form.start: gr.update(choices=list(choices.starts)),
            self._timer: gr.Timer(active=True),
            self._sent: {},
        }

    def _tick(self, shown: str | None, other: str | None, sent: dict, pack: str | None) -> Updates:
        """Only what changed is sent, so that a take that plays and a field that is written in are left alone."""
        board = self._training.board(self._kind, shown, other, pack)
        parts = {
            self._needs: runs.needs(board.needs),
            self._strip: runs.strip(board),
            self._head: runs.head(board, self._may_use),
            self._demos: runs.demos(board.shown, self._sounds),
            self._log: runs.log(board.shown),
            self._log_fold: gr.update(visible=board.shown is not None),
        } | ({self._more.state: more_state(board.more)} if self._more else {})
        marks = {number: hash(str(value)) for number, value in enumerate(parts.values())}
        changed = {area: value for number, (area, value) in enumerate(parts.items()) if sent.get(number) != marks[number]}
        return changed | {self._sent: marks} if changed else gr.skip()

    def _look(self, folder: str | None) -> Updates:
        try:
            pack = self._training.look(folder)
        except Exception as error:
            return {self._pack: None, self._captions: gr.update(visible=False), self._form.about: _refused(error, "Not this folder")}
        return {
            self._pack: pack.key, self._page: 0, self._form.about: captions.summary(pack), self._table: captions.table(pack, self._sounds),
            self._captions: gr.update(visible=True, label=f"Captions of {pack.name}"), self._form.demos: self._form.suggested(pack),
        }  # fmt: skip

    def _turn(self, key: str | None, find: str, page: int = 0) -> Updates:
        """Another page of captions, or those that hold a text."""
        if key is None:
            return gr.skip()
        return self._tabled(lambda: self._training.pack(key), find, page)

    def _write_over(self, event: gr.EventData, key: str, find: str) -> Updates:
        """A caption written over where it stands, or another page."""
        told = event._data
        if told.get("act") == "page":
            return self._turn(key, find, int(told["page"]))
        if told.get("act") != "mend":
            return gr.skip()
        updates = self._tabled(lambda: self._training.mend(key, told.get("file", ""), told.get("caption", "")), find)
        if told.get("caption", "").strip():
            updates.pop(self._table, None)  # it shows what was written already, and may hold the next field being written in
        return updates

    def _replace_all(self, key: str, find: str, by: str) -> Updates:
        return self._tabled(lambda: self._training.replace(key, find, by), "")

    def _reset_all(self, key: str, find: str) -> Updates:
        return self._tabled(lambda: self._training.reset(key), find)

    def _write_beside(self, key: str, find: str) -> Updates:
        """The captions into the folder itself."""
        try:
            written = self._training.write_captions(key)
        except Exception as error:
            return {self._message: _refused(error, "Not written")}
        gr.Info(escape(captions.told(written)))  # the message may be far away on a small screen
        shown = {self._table: captions.table(written.pack, self._sounds, find), self._page: 0, self._form.about: captions.summary(written.pack)}
        return shown | {self._message: cards.message(captions.told(written), "note")}

    def _tabled(self, call: Callable, find: str, page: int = 0) -> Updates:
        try:
            pack = call()
        except Exception as error:
            return {self._message: _refused(error, "Not changed")}
        return {self._table: captions.table(pack, self._sounds, find, page), self._page: page, self._form.about: captions.summary(pack), self._message: ""}

    def _measure(self, shown, other, pack, *filled) -> Updates:
        return self._answered(lambda: self._training.estimate(self._form.wish(pack, *filled)) and shown, other)

    def _begin(self, shown, other, pack, *filled) -> Updates:
        return self._answered(lambda: self._training.start(self._form.wish(pack, *filled)).name, other)

    def _begin_anyway(self, shown, other, pack, *filled) -> Updates:
        return self._answered(lambda: self._training.start(self._form.wish(pack, *filled), anyway=True).name, other)

    def _act(self, event: gr.EventData, shown: str | None, other: str | None) -> Updates:
        """A button of the list or of the run."""
        act, name = event._data.get("act"), event._data.get("run", "")
        if act == "show":
            return {self._shown: name, self._other: None if other == name else other}
        if act == "compare":
            return {self._other: None if other == name else name}
        if act == "rename":
            return self._answered(lambda: self._training.kept.rename(self._kind, name, event._data.get("name", "")) and shown, other)
        if act == "delete":
            return self._delete(name, other)
        calls = {"stop": self._training.stop, "resume": self._training.resume, "export": self._training.export, "use": self._training.use}
        if act not in calls:
            return gr.skip()
        return self._answered(lambda: calls[act](self._kind, name) and name, other, "In use now." if act == "use" else "")

    def _delete(self, name: str, other: str | None) -> Updates:
        """A run away, and offered back; the newest of the others is looked at then."""
        try:
            run = self._training.kept.delete(self._kind, name)
        except Exception as error:
            return {self._message: _refused(error, "Not deleted")}
        return {self._shown: None, self._other: None if other == name else other, self._message: "", self._undo: runs.deleted(run)}

    def _restore(self, event: gr.EventData, other: str | None) -> Updates:
        return self._answered(lambda: self._training.kept.restore(event._data.get("key", "")).name, other) | {self._undo: ""}

    def _answered(self, call: Callable[[], str | None], other: str | None, done: str = "") -> Updates:
        """What a call did, or why it did not; `call` returns the name of the run to look at."""
        try:
            return {self._shown: call(), self._other: other, self._message: cards.message(done, "note")}
        except Exception as error:
            return {self._message: _refused(error, "Not done")}


def _refused(error: Exception, title: str) -> str:
    text = explain(error)
    gr.Warning(text, title=title)
    return cards.message(text)
