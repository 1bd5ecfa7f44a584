"""The init of an instance on a machine that permits no namespaces: runs user-data as a plain process, on the loopback.

The bytes of the user-data are executed unchanged. What they reach is moved underneath them: absolute paths go below a folder,
the metadata service and the listening addresses to an address of the loopback, `systemctl` and `useradd` are answered here. It
speaks the protocol of the real init: orders on standard input, events on standard output, one JSON value a line. Nothing is
isolated; credentials reach the broker as environment variables, because 169.254.169.254 cannot be served here.
"""

import builtins
import json
import os
import pwd
import queue
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

SPEC = json.loads(sys.argv[1])
ROOT = os.path.join(SPEC["folder"], "root")
MOVED = ("/opt/", "/etc/", "/var/", "/run/")
EVENTS = queue.Queue()


def moved(path):
    """Where a path of the instance lies on this machine."""
    if path == "/dev/console":
        return os.path.join(SPEC["folder"], "console.log")
    if isinstance(path, str) and path.startswith(MOVED) and not path.startswith(ROOT):
        return ROOT + path
    return path


def moved_text(text):
    """A configuration or unit as it must read here."""
    for place in ("/opt/ringfence", "/etc/ringfence"):
        text = text.replace(place, ROOT + place)
    return text.replace('"0.0.0.0:', '"%s:' % SPEC["address"])


# ---- inside the process that runs the user-data

def answer(arguments):
    """systemctl: a unit that is enabled now is told to init; everything else succeeds."""
    if "enable" in arguments and "--now" in arguments:
        print(json.dumps({"enable": arguments[-1]}), file=os.fdopen(os.dup(3), "w"), flush=True)


def run_user_data(path):
    """Executes the user-data with the moved world around it."""
    real_open, real_run, real_connect, real_getpwnam = builtins.open, subprocess.run, socket.socket.connect, pwd.getpwnam
    builtins.open = lambda file, mode="r", *rest, **named: real_open(
        moved(file), "a" if file == "/dev/console" else mode, *rest, **named)
    for name in ("makedirs", "mkdir", "chmod", "listdir", "remove", "symlink", "rename", "chown"):
        real = getattr(os, name)
        setattr(os, name, lambda path, *rest, real=real, **named: real(moved(path), *rest, **named))

    def run(command, *rest, **named):
        if command[0] in ("systemctl", "useradd"):
            answer(list(command[1:])) if command[0] == "systemctl" else None
            return subprocess.CompletedProcess(command, 0, b"", b"")
        return real_run(command, *rest, **named)

    subprocess.run = run
    socket.socket.connect = lambda self, address: real_connect(
        self, tuple(SPEC["metadata"]) if address[0] == "169.254.169.254" else address)
    pwd.getpwnam = lambda name: real_getpwnam(name) if name != "ringfence" else pwd.getpwuid(os.getuid())
    with real_open(path, "rb") as file:
        exec(compile(file.read(), path, "exec"), {"__name__": "__main__", "__file__": path})


# ---- init

def emit(event):
    print(json.dumps(event), flush=True)


def carry(stream, wrap):
    for line in stream:
        EVENTS.put(wrap(line.decode("utf-8", "replace").rstrip()))


class Service:
    """The one unit that was enabled."""

    def __init__(self, unit):
        self.unit, self.process, self.held = unit, None, False
        with open(ROOT + "/etc/systemd/system/" + unit, encoding="utf-8") as file:
            lines = [line.strip().split("=", 1) for line in file if "=" in line and not line.startswith(("#", ";"))]
        self.settings = dict(lines)
        config = ROOT + "/etc/ringfence/broker.toml"
        if os.path.exists(config):
            with open(config, encoding="utf-8") as file:
                text = 'credentials = "environment"\n' + moved_text(file.read())
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)

    def start(self):
        command = shlex.split(moved_text(self.settings["ExecStart"]))
        environment = {"PATH": os.environ.get("PATH", ""), **SPEC["environment"]}
        self.held = False
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        wrap = lambda line: {"log": {"unit": self.unit, "line": line}}
        threading.Thread(target=carry, args=(self.process.stdout, wrap), daemon=True).start()
        threading.Thread(target=self.wait, args=(self.process,), daemon=True).start()
        ours = ["ExecStart", "Restart", "RestartSec"]
        emit({"started": {"unit": self.unit, "pid": self.process.pid, "honoured": [key for key in ours if key in self.settings],
                          "not_honoured": ["%s (no namespaces here)" % key for key in self.settings if key not in ours]}})

    def wait(self, process):
        EVENTS.put(("ended", process.wait()))

    def ended(self, code):
        restarts = not self.held and self.settings.get("Restart", "no") == "always"
        emit({"ended": {"unit": self.unit, "code": 128 - code if code < 0 else code, "restarts": restarts}})
        if restarts:
            threading.Timer(1.0, lambda: EVENTS.put(("start", None))).start()


def orders():
    for line in sys.stdin:
        EVENTS.put(("order", json.loads(line)))
    os.killpg(0, signal.SIGKILL)  # the harness is gone


def boot():
    """Starts the user-data; its requests for systemctl come back on file descriptor 3."""
    reader, writer = os.pipe()
    path = os.path.join(SPEC["folder"], "user-data")
    first = open(path, "rb").readline()
    if not (first.startswith(b"#!") and b"python3" in first):
        EVENTS.put({"output": {"line": "only user-data for python3 can be run without namespaces"}})
        EVENTS.put({"booted": {"code": 126}})
        return
    child = subprocess.Popen([sys.executable, "-I", os.path.abspath(__file__), sys.argv[1], path], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=lambda: os.dup2(writer, 3), close_fds=False)
    os.close(writer)
    threading.Thread(target=carry, args=(child.stdout, lambda line: {"output": {"line": line}}), daemon=True).start()

    def calls():
        for line in os.fdopen(reader):
            EVENTS.put(("enable", json.loads(line)["enable"]))
        code = child.wait()
        EVENTS.put({"booted": {"code": 128 - code if code < 0 else code}})
    threading.Thread(target=calls, daemon=True).start()


def main():
    os.makedirs(ROOT, exist_ok=True)
    emit({"up": {"pid": os.getpid()}})
    threading.Thread(target=orders, daemon=True).start()
    boot()
    service = None
    while True:
        event = EVENTS.get()
        if isinstance(event, dict):
            emit(event)
            continue
        kind, value = event
        if kind == "enable":
            service = Service(value if "." in value else value + ".service")
            service.start()
        elif kind == "ended":
            service.ended(value)
        elif kind == "start" and not service.held:
            service.start()
        elif kind == "order" and service is not None:
            if "hold" in value:
                service.held = True
            else:
                service.start()
            emit("done")


if len(sys.argv) > 2:
    run_user_data(sys.argv[2])
else:
    main()
