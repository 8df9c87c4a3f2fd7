"""A child process that does what its arguments and messages say, for the tests of its parent."""

from __future__ import annotations

import os
import signal
import sys
import time

from tokenflow.service.parent import Message, Parent


def urgent(message: Message) -> bool:
    if "urgent" in message:
        parent.say({"urgent": True})
    return "urgent" in message


parent: Parent = Parent(urgent)
print("what a library prints does not belong to the protocol")
print("the last words", file=sys.stderr, flush=True)
parent.say({"pid": os.getpid()})
while True:
    message = parent.next()
    if message["do"] == "echo":
        parent.say({"echo": message["what"]})
    elif message["do"] == "sleep":
        time.sleep(600)
    elif message["do"] == "exit":
        raise SystemExit(message["code"])
    elif message["do"] == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
