"""Where the program begins, as `hitl-mail` and as `python -m hitl_mail`.

To import the command line takes a tenth of a second, in which nobody would catch a Ctrl-C yet.
"""

import signal
from typing import NoReturn


def main() -> NoReturn:
    """The console script."""
    # Whoever is started with it ignored, as by `nohup` or a shell's `&`, keeps ignoring it.
    interrupted = signal.getsignal(signal.SIGINT)
    if interrupted is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hitl_mail.cli import main as command_line

    signal.signal(signal.SIGINT, interrupted)
    command_line()


if __name__ == "__main__":
    main()
