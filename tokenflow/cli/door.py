"""Where commands start and end: signals, errors in one line, exit codes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from ocio.errors import OcioError
from tokenflow.cli import (
    deflicker,
    demo,
    doctor,
    edit,
    evaluate,
    hosts,
    models,
    run,
    serve,
    submit,
    workspace,
)
from tokenflow.errors import Cancelled, Terminated, TokenFlowError

WRONG_USAGE = 2
OUR_FAULT = 70
SIGNALLED = 128
"""Exit codes above it name the signal that ended the command."""

GOING_ON = "Frames already written are whole; --resume goes on from here."

# Typer carries its own copy of click or takes the installed one; either way this is their root.
_UsageError: Any = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError"
)

app = typer.Typer(
    name="tokenflow",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.command("demo")(demo.demo)
app.command("edit")(edit.edit)
app.command("run")(run.run)
app.command("deflicker")(deflicker.deflicker)
app.command("evaluate")(evaluate.evaluate)
app.command("submit")(submit.submit)
app.add_typer(workspace.app, name="workspace")
app.add_typer(models.app, name="models")
app.add_typer(serve.app, name="serve")
app.command("hosts", context_settings=hosts.PASSED_ON)(hosts.hosts)
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tokenflow {metadata.version('tokenflow')}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Change how a shot looks with a sentence; what is not meant to change stays bit for bit."""


def run_program(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        Default: those of this process.

    Returns
    -------
    int
        The exit code, as the contract lists them.
    """
    return guarded(lambda: app(args=arguments, prog_name="tokenflow", standalone_mode=False), _say)


def guarded(work: Callable[[], int | None], say: Callable[[str, int], int]) -> int:
    """Do what a command does, and turn everything that ends it into an exit code.

    Parameters
    ----------
    say
        Takes the line about what went wrong and the code, and gives the code.
    """
    try:
        with _ending_on_request():
            code = work()
            sys.stdout.flush()
        return int(code or 0)
    except typer.Exit as end:
        return end.exit_code
    except _UsageError as error:
        return _wrong_usage(error)
    except _Stopped as stopped:
        return say(str(stopped.error), stopped.error.exit_code)
    except (OcioError, TokenFlowError) as error:
        return say(str(error), error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter's own last flush must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Cancelled.exit_code
    except Exception:
        traceback.print_exc()
        text = (
            "this is a fault of ours: please report it, with `tokenflow doctor --bundle FILE.zip`"
        )
        return say(text, OUR_FAULT)


def leave(code: int) -> NoReturn:
    """End the process with an exit code, and with it what a stopped job has left under way.

    The interpreter would wait for threads in the middle of a frame that nobody wants any more, and
    take seconds to give the weights back.
    """
    others = (one for one in threading.enumerate() if one is not threading.main_thread())
    if code > SIGNALLED or any(not thread.daemon for thread in others):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)


def _wrong_usage(error: Any) -> int:
    """Say in one line what is wrong with the arguments; without any, help was shown already."""
    message = error.format_message()
    if not message or "\n" in message:
        print(message, file=sys.stderr, end="")
        return WRONG_USAGE
    command = error.ctx.command_path if error.ctx else "tokenflow"
    message = message.replace("Value error, ", "").rstrip(".")
    end = "" if message.endswith("?") else "."
    return _say(f"{message}{end} See `{command} --help`.", WRONG_USAGE)


class _Stopped(BaseException):
    """Raised by a signal. Libraries that catch every `Exception` do not swallow it."""

    def __init__(self, error: Cancelled) -> None:
        super().__init__(str(error))
        self.error = error


@contextmanager
def _ending_on_request() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the command; signals belong to the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Who started us with Ctrl-C ignored, as nohup or a job in the background, means it.
    heard = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        heard.append(signal.SIGINT)
    before = {number: signal.signal(number, _stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    if number == signal.SIGINT:
        raise _Stopped(Cancelled("cancelled", hint=GOING_ON))
    raise _Stopped(Terminated("the system asked the job to end", hint=GOING_ON))


def _say(text: str, code: int) -> int:
    print(f"tokenflow: {text}", file=sys.stderr, flush=True)
    return code
