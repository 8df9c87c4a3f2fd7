"""The queue: what runs, what waits, what has ended, and what can be done about each."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPoint, QSignalBlocker, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from ui.presenters.job_rows import JobRow, seconds_text
from ui.presenters.jobs import JobsPresenter
from ui.presenters.trouble import Trouble
from ui.widgets.bonds import Bonds
from ui.widgets.buttons import FlowRow, IconButton, TextButton
from ui.widgets.field import Problem
from ui.widgets.labels import Sentence, quiet
from ui.widgets.questions import QuestionBar
from ui.widgets.rows import RowList, RowLook, RowsModel
from ui.widgets.theme import UNIT

EMPTY = "Nothing is queued. Tries and renders appear here, and go on when the panel is closed."


class JobsWidget(QWidget):
    """The queue.

    Parameters
    ----------
    jobs
        What is shown.
    show_job
        Shows a job's frames in the viewer.
    """

    def __init__(
        self,
        jobs: JobsPresenter,
        show_job: Callable[[str], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._show = jobs, show_job
        self.model: RowsModel[JobRow] = RowsModel(lambda row: row.id, look_of, self)
        self.list = RowList("Jobs", self)
        self.list.setModel(self.model)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._open_menu)
        self.list.activated.connect(lambda _: self._do(self._show))
        self.list.selectionModel().currentChanged.connect(self._choose)
        self.empty = quiet(Sentence(EMPTY, self))
        self._make_buttons()
        self._make_details()
        self._lay_out()
        delete = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.list)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(lambda: self._do(jobs.delete))
        self.bonds = Bonds(self)
        self.bonds.bind(jobs.rows, self._show_rows)
        self.bonds.bind(jobs.chosen, self._show_chosen)
        self.bonds.bind(jobs.trouble, self._show_trouble)
        self.bonds.bind(jobs.question, self.question.set_question)

    def chosen(self) -> JobRow | None:
        """Return the row that is chosen."""
        return self.model.row(self.list.currentIndex())

    def _make_buttons(self) -> None:
        jobs = self._jobs

        def button(
            icon: str, label: str, act: Callable[[str], object], hint: str = ""
        ) -> IconButton:
            return IconButton(icon, label, hint=hint, clicked=lambda: self._do(act))

        self.buttons = {
            "cancel": button("cancel", "Stop the job", jobs.cancel, "Whole frames stay."),
            "retry": button("retry", "Try again", jobs.retry, "Whole frames are kept."),
            "up": button("up", "Earlier in the queue", lambda job: jobs.move(job, -1)),
            "down": button("down", "Later in the queue", lambda job: jobs.move(job, 1)),
            "view": button("wipe", "Show in the viewer", self._show),
            "load": button("load", "Load the result into the host", jobs.load),
            "reveal": button("reveal", "Show the frames in their folder", jobs.reveal),
            "report": button("report", "Open the report", jobs.open_report),
            "delete": button("delete", "Remove from the list", jobs.delete, "Its frames stay."),
        }
        self.bar = FlowRow(*self.buttons.values(), across=0, parent=self)

    def _make_details(self) -> None:
        self.problem = Problem(self)
        self.problem.sign.set_state("failed")
        self.again = TextButton(
            "Try again", "Queue the job once more; whole frames are kept", parent=self
        )
        self.again.clicked.connect(lambda _=False: self._do(self._jobs.retry))
        self.details = TextButton("Details", "What the service says about it", parent=self)
        self.details.setCheckable(True)
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Details of the failure")
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.text.setFixedHeight(26 * UNIT)
        self.text.hide()
        self.details.toggled.connect(self.text.setVisible)
        self.copy = TextButton(
            "Copy diagnostics", "Job, error and machine as text, for whoever helps", parent=self
        )
        self.copy.clicked.connect(lambda _=False: self._do(self._copy_diagnostics))
        self.acts = FlowRow(self.again, self.details, self.copy, parent=self)
        self.question = QuestionBar(self)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(UNIT, UNIT, UNIT, UNIT)
        column.setSpacing(UNIT)
        for widget in (self.bar, self.empty, self.list, self.problem, self.acts, self.text):
            column.addWidget(widget, 1 if widget is self.list else 0)
        column.addWidget(self.question)
        column.addStretch(0)

    def _do(self, act: Callable[[str], object]) -> None:
        row = self.chosen()
        if row is not None:
            act(row.id)

    def _copy_diagnostics(self, job_id: str) -> None:
        QGuiApplication.clipboard().setText(self._jobs.diagnostics(job_id))

    def _choose(self, index: QModelIndex) -> None:
        row = self.model.row(index)
        if row is not None:
            self._jobs.choose(row.id)

    def _show_rows(self, rows: tuple[JobRow, ...]) -> None:
        self.model.set_rows(rows)
        self.empty.setVisible(not rows)
        self.bar.setVisible(bool(rows))
        self.list.setVisible(bool(rows))
        self._show_chosen(self._jobs.chosen.value)

    def _show_chosen(self, job_id: str) -> None:
        index = self.model.place(job_id)
        if index.row() != self.list.currentIndex().row():
            with QSignalBlocker(self.list.selectionModel()):
                self.list.setCurrentIndex(index)
            self.list.viewport().update()
            self.list.scrollTo(index)
        self._enable(self.model.row(index))
        self._show_trouble(self._jobs.trouble.value)

    def _enable(self, row: JobRow | None) -> None:
        allowed = {
            "cancel": row is not None and row.can_cancel,
            "retry": row is not None and row.can_retry,
            "up": row is not None and row.can_move,
            "down": row is not None and row.can_move,
            "load": row is not None and row.can_load,
            "report": row is not None and row.state == "done",
            "delete": row is not None and row.final,
        }
        for name, button in self.buttons.items():
            button.setEnabled(allowed.get(name, row is not None))
        self.buttons["load"].setVisible(self._jobs.can_load)

    def _show_trouble(self, asked: Trouble | None) -> None:
        """Say what went wrong with the last click, else why the chosen job failed."""
        row = self.model.row(self.model.place(self._jobs.chosen.value))
        trouble = asked or (row.trouble if row is not None and row.state == "failed" else None)
        self.problem.set_sentence(trouble_text(trouble) if trouble else "")
        self.acts.setVisible(trouble is not None)
        self.again.setVisible(asked is None and row is not None and row.can_retry)
        self.copy.setVisible(asked is None)
        self.text.setPlainText(trouble.details if trouble else "")
        self.text.setVisible(trouble is not None and self.details.isChecked())

    def _open_menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button in self.buttons.values():
            if button.isHidden():
                continue
            act = QAction(button.icon(), button.accessibleName(), menu)
            act.setEnabled(button.isEnabled())
            act.triggered.connect(lambda _checked=False, button=button: button.click())
            menu.addAction(act)
        menu.popup(self.list.viewport().mapToGlobal(place))


def look_of(row: JobRow) -> RowLook:
    """Say what a row of the queue shows."""
    left = "" if row.seconds_left is None else seconds_text(row.seconds_left)
    detail = row.stage if row.state == "running" else row.prompt
    if row.state == "failed" and row.trouble is not None:
        detail = row.trouble.sentence
    kind = "" if row.kind == "render" else f" · {row.kind}"
    frames = f" · {row.frames}" if row.frames else ""
    title = f"{row.name}{kind}"
    warnings = "".join(f"\nWarning: {each}" for each in row.warnings)
    return RowLook(
        "warning" if row.state == "done" and row.warnings else row.state,
        title,
        left or row.state_word,
        detail,
        row.fraction if row.state == "running" else None,
        row.preview.png if row.preview else None,
        tip=f"{row.name}{frames}\n{row.prompt}\n{row.output}{warnings}",
    )


def trouble_text(trouble: Trouble) -> str:
    """Say what happened and what to do, as sentences."""
    return " ".join(_as_sentence(part) for part in (trouble.sentence, trouble.remedy) if part)


def _as_sentence(text: str) -> str:
    """Begin with a capital, but for a file's name, and end with a full stop."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    begun = text[:1].upper() + text[1:] if first.isalpha() else text
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."
