"""Shuts itself in and then runs a program: started as a script in a process of its own, with an empty environment.

The order matters: limits and the user first, then Landlock (files, network, signals), then seccomp (the kernel's rarer
doors), then the program. Only a cage that is shut says so; what cannot be shut ends before the program begins.

After the Linux kernel's documentation of Landlock and seccomp; what each rule is for was found by trying to get out.
"""

import ctypes
import errno
import json
import os
import resource
import runpy
import sys
from typing import Any, TypedDict

LEAST_LANDLOCK = 6
"""The first version that keeps signals and abstract sockets inside."""
MOST_PROCESSES = 32
MOST_FILES = 64

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS = 1, 4, 8, 38
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9
_CLONE_NEW = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
"""The CLONE_NEW... flags: a new namespace of each kind."""

_DENIED = [
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "unshare",
    "setns",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "bpf",
    "keyctl",
    "add_key",
    "request_key",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "userfaultfd",
    "perf_event_open",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "open_by_handle_at",
    "name_to_handle_at",
    "pidfd_getfd",
    "fanotify_init",
    "kcmp",
    "quotactl",
    "swapon",
    "swapoff",
    "reboot",
    "acct",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "fsconfig",
    "mount_setattr",
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "setsid",
    "setpgid",
    "memfd_create",
    "pidfd_open",
    "pidfd_send_signal",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "utime",
    "utimes",
    "utimensat",
    "futimesat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "setpriority",
    "sched_setaffinity",
]


class Wanted(TypedDict):
    """What the starter of the process says."""

    work: str
    uid: int | None
    landlock: bool
    folders: list[str]
    """What may be read, with all below."""
    files: list[str]
    libraries: bool
    memory_bytes: int
    file_bytes: int
    cpu_seconds: int


def main() -> None:
    """Read what is wanted from one descriptor, shut the cage, say so on the other, run `main.py` of the work folder."""
    wanted_from, shut_to = int(sys.argv[1]), int(sys.argv[2])
    with os.fdopen(wanted_from) as file:
        wanted: Wanted = json.load(file)
    try:
        _close(wanted)
    except Exception as error:  # noqa: BLE001  # whatever it is, the program does not begin
        os.write(2, str(error).encode())
        os._exit(1)
    os.write(shut_to, b"shut")
    os.close(shut_to)
    sys.argv = ["main.py"]
    sys.path[:] = [wanted["work"], *(path for path in sys.path if wanted["libraries"] or "site-packages" not in path)]
    runpy.run_path("main.py", run_name="__main__")


def _close(wanted: Wanted) -> None:
    import pyseccomp  # pyright: ignore[reportMissingTypeStubs]

    libc = ctypes.CDLL(None, use_errno=True)
    # What the rules need of ctypes and of the packages is loaded now: afterwards nothing can be.
    _prctl(libc, _PR_SET_PDEATHSIG, _SIGKILL)
    if wanted["uid"] is not None:
        _become(libc, wanted["uid"])
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)
    _prctl(libc, _PR_SET_PDEATHSIG, _SIGKILL)  # a change of user has cleared it
    _prctl(libc, _PR_SET_DUMPABLE, 0)
    os.chdir(wanted["work"])
    if wanted["landlock"]:
        _landlock(wanted)
    for limit, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, wanted["memory_bytes"]),
        (resource.RLIMIT_FSIZE, wanted["file_bytes"]),
        (resource.RLIMIT_NOFILE, MOST_FILES),
        (resource.RLIMIT_NPROC, MOST_PROCESSES),
        (resource.RLIMIT_CPU, wanted["cpu_seconds"]),
    ):
        resource.setrlimit(limit, (value, value))
    _seccomp(pyseccomp)


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _become(libc: ctypes.CDLL, uid: int) -> None:
    """Become a user whom nothing belongs to; reading stays possible where Landlock allows it, as the interpreter may
    stand in root's own folder."""
    _prctl(libc, _PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    kept = 1 << _CAP_DAC_READ_SEARCH
    data = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _landlock(wanted: Wanted) -> None:
    import landlockpy
    from landlockpy import AccessFS, Ruleset, Scope

    abi = landlockpy.abi_version()
    if abi < LEAST_LANDLOCK:
        raise OSError(errno.ENOSYS, f"landlock ABI {abi} < {LEAST_LANDLOCK}")
    read = AccessFS.READ_FILE | AccessFS.READ_DIR | AccessFS.EXECUTE
    rules = Ruleset(scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL)
    for path in wanted["folders"]:
        rules.allow_path(path, read)
    for path in wanted["files"]:
        rules.allow_path(path, AccessFS.READ_FILE)
    rules.allow_path("/dev/null", AccessFS.READ_FILE | AccessFS.WRITE_FILE)
    inside = rules.handled_fs & ~(AccessFS.EXECUTE | AccessFS.MAKE_CHAR | AccessFS.MAKE_BLOCK | AccessFS.MAKE_SOCK)
    rules.allow_path(wanted["work"], inside)
    rules.restrict()


def _seccomp(pyseccomp: Any) -> None:
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in _DENIED:
        try:
            rules.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
        except (OSError, RuntimeError, ValueError):  # an older libseccomp, or another processor, has no such call
            continue
    for flag in _CLONE_NEW:
        rules.add_rule(pyseccomp.ERRNO(errno.EPERM), "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), "prlimit64", pyseccomp.Arg(0, pyseccomp.NE, 0))
    # ENOSYS, so that libc falls back to clone, whose flags can be looked at.
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.load()


if __name__ == "__main__":
    main()
