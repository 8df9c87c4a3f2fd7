"""The process that opens frames for the front: makes pictures and inspects plates.

A file that kills the library it is read with kills this process, and the front starts another.
"""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor

from tokenflow.service.parent import Message, Parent


def main() -> None:
    """Answer until the front closes its end; the argument is how many requests at a time."""
    parent = Parent()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # Loaded now: from here on this process ends with the front, however long that takes.
    from tokenflow.service.viewer_calls import answer

    def reply(request: Message) -> None:
        parent.say(answer(request))

    with ThreadPoolExecutor(int(sys.argv[1])) as threads:
        while True:
            threads.submit(reply, parent.next())


if __name__ == "__main__":
    main()
