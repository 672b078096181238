"""Processes of a comparison: started, measured, and ended with it."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """Ends the comparison with this text."""


def free_port():
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def ends_with_parent():
    """Between fork and exec: the process is killed when the comparison ends, however it does."""
    LIBC.prctl(DIES_WITH_PARENT, signal.SIGKILL)


class Process:
    """A running program. Its output is appended to `NAME.log` in `folder`."""

    def __init__(self, name, folder, command, env=None):
        self.name, self.log = name, Path(folder) / f"{name}.log"
        # What this log says of earlier runs.
        self.from_byte = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as out:
            self.running = subprocess.Popen(
                [str(word) for word in command], cwd=folder, env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=ends_with_parent)
        self.pid = self.running.pid

    def cpu_seconds(self):
        """CPU time since its start, with that of its ended children."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return sum(map(int, fields[11:15])) / TICKS

    def rss_mb(self):
        """Resident memory now."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS")), 0.0)

    def said(self):
        """What it wrote since it was started."""
        with self.log.open("rb") as log:
            log.seek(self.from_byte)
            return log.read().decode(errors="replace")

    def check(self):
        """Fails if it has ended by itself."""
        if self.running.poll() is not None:
            end = "\n".join(self.said().splitlines()[-15:])
            raise Failed(f"{self.name} ended with {self.running.returncode}; the end of {self.log}:\n{end}")

    def kill(self):
        """Signal 9, as a crash."""
        self.running.kill()
        self.running.wait()

    def stop(self, seconds=20):
        """Asks it to end, and kills it if it does not."""
        if self.running.poll() is None:
            self.running.terminate()
            try:
                self.running.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()


def until(what, seconds, is_true, *processes, pause=0.05):
    """Waits until `is_true()` is, and fails after `seconds` or when one of the processes ends."""
    deadline = time.monotonic() + seconds
    while True:
        found = is_true()
        if found:
            return found
        for process in processes:
            process.check()
        if deadline < time.monotonic():
            logs = ", ".join(str(process.log) for process in processes)
            raise Failed(f"{what}: not within {seconds} s; see {logs}")
        time.sleep(pause)
