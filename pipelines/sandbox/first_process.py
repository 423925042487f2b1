"""The process around a notebook, for what bubblewrap alone does not do. Run as a script, by this Python.

It leaves the session's keys, limits itself and with that all that it starts, and ends when the process that
started it ends. Then it becomes bubblewrap, or where nothing isolates it stays: it adopts what the notebook
leaves behind, and kills that in the end.

Arguments: a JSON object, then the command. The object's keys: `parent` (process id); `file_bytes`, and
`threads` of this user or null (limits); `devices` (nobody behind may change their rights and times);
`stays` (whether nothing isolates).
"""

import ctypes
import json
import os
import platform
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_NOATIME, MS_NODIRATIME = 1024, 2048
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
KEYCTL, JOIN_SESSION_KEYRING = {"x86_64": 250, "aarch64": 219}, 1
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), what)


def limit(kind: int, wanted: int | None) -> None:
    if wanted is not None:
        most = resource.getrlimit(kind)[1]
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(kind, (value, value))


def leave_keys() -> None:
    """No namespace takes the session's keys away: they hold secrets, and carry targets from view to view."""
    if (keyctl := KEYCTL.get(platform.machine())) is not None:
        LIBC.syscall(keyctl, JOIN_SESSION_KEYRING, None)


def seal(path: str) -> None:
    """Let nobody change the rights and times of a device; it can be written to all the same.

    bubblewrap's own read-only mounts take devices away altogether.
    """
    check(LIBC.mount(path.encode(), path.encode(), None, MS_BIND | MS_REC, None), f"mount {path}")
    # Of a mount that another namespace made these cannot be taken away, and statvfs(2) tells them by the
    # same numbers.
    kept = os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
    flags = MS_REMOUNT | MS_BIND | MS_RDONLY | kept
    check(LIBC.mount(None, path.encode(), None, flags, None), f"seal {path}")


def seal_devices(devices: list[str]) -> None:
    """In namespaces of its own, where bubblewrap then takes them from."""
    user, group = os.geteuid(), os.getegid()
    check(LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNS), "make namespaces")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    for path in devices:
        seal(path)


def guard(command: list[str]) -> int:
    """Run the command and then kill all that it left; returns its exit status, 128 + n after signal n."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from pipelines.plumbing.process import end_tree

    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_tree(os.getpid(), itself=False)
        os._exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    # Not by subprocess: what is adopted has to be waited for as well.
    child, ended = os.posix_spawn(command[0], command, os.environ), 0
    while ended != child:
        ended, status = os.wait()
    end_tree(os.getpid(), itself=False)
    with suppress(ChildProcessError):
        while True:  # reap them all, or whoever adopts them next would have to
            os.wait()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main() -> int:
    order, command = json.loads(sys.argv[1]), sys.argv[2:]
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_FSIZE, order["file_bytes"])
    limit(resource.RLIMIT_NPROC, order["threads"])
    try:
        if sys.platform == "linux":
            leave_keys()
            with suppress(
                OSError
            ):  # where memory runs out, the system shall take this process first
                Path("/proc/self/oom_score_adj").write_text("800", encoding="ascii")
            if order["devices"]:
                seal_devices(order["devices"])
            if order["stays"]:
                LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
                LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM if order["stays"] else signal.SIGKILL)
            if os.getppid() != order["parent"]:  # it died before the line above
                return 128 + signal.SIGTERM
        if order["stays"]:
            return guard(command)
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"{error.filename or command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        return 127


if __name__ == "__main__":
    sys.exit(main())
