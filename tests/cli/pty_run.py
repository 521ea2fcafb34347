"""A program at a pseudo-terminal: what it shows, and keys sent to it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from tap import environment


class Session:
    def __init__(self, command, columns=80, rows=24, stdout=None, **more):
        self.shown = b""
        self.seen = 0
        self.code = None
        self.terminal, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(inner, termios.TIOCSCTTY, 0)
                for descriptor in (0, 1, 2):
                    os.dup2(inner if stdout is None or descriptor != 1 else stdout, descriptor)
                os.close(inner)
                os.close(self.terminal)
                for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):  # whoever runs the tests may ignore some
                    signal.signal(number, signal.SIG_DFL)
                os.execvpe(command[0], command, environment(**more))
            finally:
                os._exit(127)
        os.close(inner)

    def text(self):
        return self.shown.decode("utf-8", "replace")

    def _read(self, seconds):
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if not ready:
            return True
        try:
            piece = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.shown += piece
        return bool(piece)

    def expect(self, pattern, seconds=30):
        """Waits until the text since the last expect has this (text or regular expression object); returns what came before and it."""
        wanted = pattern if hasattr(pattern, "search") else re.compile(re.escape(pattern))
        end = time.monotonic() + seconds
        while True:
            fresh = self.shown[self.seen:].decode("utf-8", "replace")
            found = wanted.search(fresh)
            if found:
                self.seen += len(fresh[: found.end()].encode())
                return fresh[: found.end()]
            left = end - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f"{wanted.pattern!r} did not come; the terminal shows:\n{self.text()[-3000:]}")

    def send(self, keys):
        os.write(self.terminal, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns, rows=24):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def signal(self, number):
        os.kill(self.pid, number)

    def modes(self):
        """The terminal's local modes (termios.ICANON, ECHO, ISIG, ...)."""
        return termios.tcgetattr(self.terminal)[3]

    def wait(self, seconds=30):
        """Reads to the end; the exit status (negative: the signal). `left` is how the program left the terminal's modes."""
        end = time.monotonic() + seconds
        while self._read(max(0.05, end - time.monotonic())):
            if time.monotonic() > end:
                doing = self.doing()
                self.close()
                raise AssertionError(f"it did not end; {doing}; the terminal shows:\n{self.text()[-3000:]}")
        _, status = os.waitpid(self.pid, 0)
        self.code = os.waitstatus_to_exitcode(status)
        self.left = self.modes()
        os.close(self.terminal)
        return self.code

    def doing(self):
        """What the kernel says of the program's threads: for a failure's report."""
        said = []
        for task in sorted(os.listdir(f"/proc/{self.pid}/task")):
            try:
                with open(f"/proc/{self.pid}/task/{task}/status", encoding="utf-8") as lines:
                    kept = [" ".join(line.split()) for line in lines if line.startswith(("State", "SigPnd", "ShdPnd", "SigBlk", "SigCgt"))]
                with open(f"/proc/{self.pid}/task/{task}/syscall", encoding="utf-8") as call:
                    said.append(f"thread {task}: {', '.join(kept)}, system call {call.read().split()[0]}")
            except OSError as trouble:
                said.append(f"thread {task}: {trouble}")
        return "; ".join(said)

    def close(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.terminal)
            self.code = -signal.SIGKILL


def output(command, columns=80, **more):
    session = Session(command, columns=columns, **more)
    code = session.wait()
    assert code == 0, f"exit {code}: {session.text()}"
    return session.text().replace("\r\n", "\n")
