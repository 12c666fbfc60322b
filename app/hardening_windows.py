"""Windows: other programs of the same person may end Rollcall's processes and wait for them, and nothing else.

Written after Microsoft's documentation and tested with stand-ins for the system's libraries; not yet tried on Windows.

The access list names the owner (``OW``, so that owning the process gives no right to change the list) and the system.
Programs that run as administrator with the right to debug are not kept out by it; nothing is.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE
CLOSED = "D:P(A;;0x00101001;;;OW)(A;;GA;;;SY)"
# The usual rights of the account that started a process.
OPEN = "D:P(A;;0x001fffff;;;OW)(A;;GA;;;SY)(A;;GA;;;BA)"

SE_KERNEL_OBJECT = 6
DACL_SECURITY_INFORMATION, PROTECTED_DACL_SECURITY_INFORMATION = 0x4, 0x80000000
SDDL_REVISION_1 = 1
SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX = 0x1, 0x2, 0x8000
WER_FAULT_REPORTING_FLAG_NOHEAP, WER_FAULT_REPORTING_NO_UI = 0x1, 0x20


def harden() -> bool:
    """Keep memory out of error reports, and close the process to other programs.

    Returns:
        Whether the access list was taken.
    """
    kernel = _library("kernel32")
    kernel.SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX)
    try:
        kernel.WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP | WER_FAULT_REPORTING_NO_UI)
        if getattr(sys, "frozen", False):  # by the program's name, and "python.exe" is not only ours
            name = sys.executable.replace("/", "\\").rpartition("\\")[2]
            _library("wer").WerAddExcludedApplication(ctypes.c_wchar_p(name), 0)
    except (OSError, AttributeError):  # an edition of Windows without error reporting
        pass
    return set_access(CLOSED)


@contextmanager
def open_to_children() -> Iterator[None]:
    """Open the process for as long as a child starts: Python's children fetch their pipe out of it."""
    set_access(OPEN)
    try:
        yield
    finally:
        set_access(CLOSED)


def set_access(words: str) -> bool:
    """Give this process the access list that a security descriptor's words describe; return whether it was taken."""
    advapi, kernel = _library("advapi32"), _library("kernel32")
    descriptor, access_list = ctypes.c_void_p(), ctypes.c_void_p()
    present, by_default = ctypes.c_int(), ctypes.c_int()
    if not advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(
        ctypes.c_wchar_p(words), SDDL_REVISION_1, ctypes.byref(descriptor), None
    ):
        return False
    try:
        got = advapi.GetSecurityDescriptorDacl(
            descriptor, ctypes.byref(present), ctypes.byref(access_list), ctypes.byref(by_default)
        )
        if not got or not present.value:
            return False
        # The pseudo handle of the process itself has every right, whatever the list says.
        process = ctypes.c_void_p(-1)
        what = ctypes.c_uint32(DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION)
        return bool(advapi.SetSecurityInfo(process, SE_KERNEL_OBJECT, what, None, None, access_list, None) == 0)
    finally:
        free = kernel.LocalFree
        free.argtypes = [ctypes.c_void_p]
        free(descriptor)


def _library(name: str) -> Any:
    return getattr(ctypes, "WinDLL")(name)  # noqa: B009  (only there on Windows, where mypy does not look)
