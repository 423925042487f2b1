"""The process below which a notebook runs where bubblewrap is missing or not enough. Run as a script.

It has three roles. In namespaces of its own (`unshare`) it builds the file system that the notebook sees,
gives up every capability, starts the notebook and reaps what that orphans; when it ends, the system ends
everything in them. Without namespaces it adopts all that the notebook leaves behind, and kills it when
the notebook has ended, or when the process that started it has died. Before bubblewrap as root it keeps the
machine's devices from being changed, and becomes bubblewrap.

Arguments: a JSON object, then the command. The object's keys are `parent` (process id) for the second role;
`devices` (those shown beside the usual ones) for the third; `root` (an empty folder), `mounts`, `directory`,
`loopback` for the first.
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

with suppress(ImportError):  # the first role runs without site-packages, and needs none
    import psutil

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_NOATIME, MS_NODIRATIME = 1024, 2048
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MNT_DETACH = 2
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY, SYS_MOUNT_SETATTR = -100, 0x8000, 1, 442
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


class System:
    """The system calls that Python lacks."""

    def __init__(self) -> None:
        self.libc = ctypes.CDLL(None, use_errno=True)

    def check(self, result: int, what: str) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), what)

    def mount(self, source: str, target: str, kind: str, flags: int, options: str = "") -> None:
        words = [word.encode() for word in (source, target, kind)]
        result = self.libc.mount(*words, ctypes.c_ulong(flags), options.encode())
        self.check(result, f"mount {source} on {target}")

    def make_read_only(self, target: str, recursive: bool = False) -> None:
        wanted = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
        flags = AT_RECURSIVE if recursive else 0
        result = self.libc.syscall(
            SYS_MOUNT_SETATTR,
            AT_FDCWD,
            target.encode(),
            flags,
            wanted,
            ctypes.c_size_t(len(wanted)),
        )
        self.check(result, f"make {target} read-only")

    def change_root(self, root: str) -> None:
        os.chdir(root)
        self.check(self.libc.pivot_root(b".", b"."), f"change the root to {root}")
        self.check(self.libc.umount2(b".", MNT_DETACH), "leave the old root")
        os.chdir("/")

    def control(self, option: int, value: int) -> None:
        unused = ctypes.c_ulong(0)
        result = self.libc.prctl(option, ctypes.c_ulong(value), unused, unused, unused)
        self.check(result, f"prctl {option}")

    def give_up_capabilities(self) -> None:
        """Whatever is executed from here on has none, also as user 0, and can get none."""
        for capability in range(64):
            try:
                self.control(PR_CAPBSET_DROP, capability)
            except OSError as error:
                if error.errno != errno.EINVAL:  # beyond the last one that this system knows
                    raise
        self.control(PR_SET_NO_NEW_PRIVS, 1)


def place(source: str, target: str) -> None:
    """Make the folder or file that something can be mounted on."""
    if Path(source).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()


def put(system: System, root: str, kind: str, source: str, target: str) -> None:
    """Show one thing: kind is read, write, device, empty or link."""
    there = root + target
    if kind == "link":
        Path(there).parent.mkdir(parents=True, exist_ok=True)
        Path(there).symlink_to(source)
        return
    if kind == "empty":
        Path(there).mkdir(parents=True, exist_ok=True)
        system.mount("tmpfs", there, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
        return
    place(source, there)
    system.mount(source, there, "", MS_BIND | MS_REC)
    if kind != "write":  # a device can be written to all the same, but its rights are not changed
        system.make_read_only(there, recursive=True)


def put_proc(system: System, root: str) -> None:
    Path(root, "proc").mkdir()
    system.mount("proc", root + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def put_devices(system: System, root: str) -> None:
    there = root + "/dev"
    Path(there).mkdir()
    system.mount("tmpfs", there, "tmpfs", MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        put(system, root, "device", f"/dev/{name}", f"/dev/{name}")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        Path(there, name).symlink_to(f"/proc/self/fd/{number}")
    Path(there, "fd").symlink_to("/proc/self/fd")
    Path(there, "ptmx").symlink_to("pts/ptmx")
    for name in ("pts", "shm"):
        Path(there, name).mkdir()
    options = "newinstance,ptmxmode=0666,mode=620"
    system.mount("devpts", there + "/pts", "devpts", MS_NOSUID | MS_NOEXEC, options)


def build(system: System, root: str, mounts: list[list[str]]) -> None:
    """Make `root` the root, with these mounts and nothing else."""
    system.mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=4m")
    put_proc(system, root)
    put_devices(system, root)
    for kind, source, target in mounts:
        put(system, root, kind, source, target)
    emptied = [target for kind, _, target in mounts if kind == "empty"]
    system.change_root(root)
    # Behind root in this namespace may stand the machine's own, who may write to /proc/sys.
    for target in ("/", "/dev", "/proc", *emptied):
        system.make_read_only(target)


def raise_loopback() -> None:
    """A new network namespace has 127.0.0.1, but it is down; libraries talk to themselves over it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", asked)[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def start(command: list[str]) -> int:
    """Start the command; returns its process id."""
    child = os.fork()
    if child == 0:
        try:
            os.execv(command[0], command)  # noqa: S606 - no shell is wanted
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
            os._exit(127)
    return child


def wait_for(child: int) -> int:
    """Reap everything until `child` has ended; returns its exit status, 128 + n where signal n ended it."""
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def run_in_namespaces(system: System, order: dict[str, Any], command: list[str]) -> int:
    if order["loopback"]:
        raise_loopback()
    build(system, order["root"], order["mounts"])
    os.chdir(order["directory"])
    system.give_up_capabilities()
    return wait_for(start(command))


def seal(system: System, path: str) -> None:
    """Let nobody change the rights and times of a device; it can be written to all the same.

    Other than `make_read_only` this works on every Linux that bubblewrap works on.
    """
    system.mount(path, path, "", MS_BIND | MS_REC)
    # Of a mount that another namespace made these cannot be taken away, and statvfs(2) tells them by the
    # same numbers.
    kept = os.statvfs(path).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
    system.mount("", path, "", MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def seal_devices(system: System, devices: list[str]) -> None:
    """In namespaces of its own, where bubblewrap then takes them from; it cannot do this by itself."""
    user, group = os.geteuid(), os.getegid()
    system.check(system.libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "make namespaces")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    for path in (*(f"/dev/{name}" for name in DEVICES), *devices):
        seal(system, path)


def living() -> "list[psutil.Process]":
    """All that descends from this process and has not ended."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def send(processes: "list[psutil.Process]", number: int) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def kill_below() -> None:
    """Kill all that descends from this process. First all are stopped: some may be multiplying."""
    while below := living():
        stopped: set[int] = set()
        while new := [process for process in below if process.pid not in stopped]:
            send(new, signal.SIGSTOP)
            stopped |= {process.pid for process in new}
            below = living()
        send(below, signal.SIGKILL)


def run_alone(system: System, order: dict[str, Any], command: list[str]) -> int:
    def stop(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        kill_below()
        os._exit(128 + signal.SIGTERM)

    if sys.platform == "linux":
        system.control(PR_SET_CHILD_SUBREAPER, 1)
        system.control(PR_SET_NO_NEW_PRIVS, 1)
        signal.signal(signal.SIGTERM, stop)
        system.control(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != order["parent"]:  # it died before the line above
            return 128 + signal.SIGTERM
    code = wait_for(start(command))
    kill_below()
    with suppress(ChildProcessError):
        while True:  # reap them all, or whoever adopts them next would have to
            os.wait()
    return code


def main() -> int:
    order, command = json.loads(sys.argv[1]), sys.argv[2:]
    system = System()
    if "parent" in order:
        return run_alone(system, order, command)
    try:
        if "devices" in order:
            seal_devices(system, order["devices"])
            os.execv(command[0], command)  # noqa: S606 - no shell is wanted
        return run_in_namespaces(system, order, command)
    except OSError as error:
        print(f"cannot {error.filename}: {error.strerror}", file=sys.stderr, flush=True)
        return 126


if __name__ == "__main__":
    sys.exit(main())
