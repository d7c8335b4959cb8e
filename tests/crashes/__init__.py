"""Crash payloads in the formats that clients send."""

ABORTED = """\
Process: /usr/bin/indexer
PID: 4711
Signal: 6

Backtrace (TID 4711):
#0 __pthread_kill_implementation() - [libc.so.6] - ./nptl/pthread_kill.c:44
#1 raise() - [libc.so.6] - ../sysdeps/posix/raise.c:26
#2 abort() - [libc.so.6] - ./stdlib/abort.c:79
#3 __assert_fail_base.cold() - [libc.so.6] - ./assert/assert.c:94
#4 __assert_fail() - [libc.so.6] - ./assert/assert.c:103
#5 _ZN5media7Catalog6insertERKi.constprop.0() - [/usr/bin/indexer] - catalog.cpp:21
#6 main() - [/usr/bin/indexer] - main.cpp:9
#7 __libc_start_call_main() - [libc.so.6] - libc_start_call_main.h:58
#8 __libc_start_main@@GLIBC_2.34() - [libc.so.6] - ../csu/libc-start.c:360
#9 _start() - [/usr/bin/indexer]

"""

THREADED = """\
Process: player
PID: 900
Signal: 11

Backtrace (TID 903):
#0 ??? - [/usr/bin/player]
#1 (no symbols)
#2 decode_frame.part.0() - [libcodec.so.61] - decode.c:88
#3 start_thread() - [libc.so.6]
#4 __clone3() - [libc.so.6]

Backtrace (TID 900):
#0 poll@GLIBC_2.2.5() - [libc.so.6] - poll.c:29
#1 main() - [/usr/bin/player]

"""

STRIPPED = """\
Process: /usr/bin/stripped
PID: 12
Signal: 11

Backtrace (TID 12):
#0 ??? - [/usr/bin/stripped]
#1 ??? - [/usr/bin/stripped]
#2 __libc_start_main@@GLIBC_2.34() - [libc.so.6] - ../csu/libc-start.c:360
#3 _start() - [/usr/bin/stripped]

"""

NOT_UNWOUND = """\
Process: /usr/bin/broken
PID: 31
Signal: 11
Error: Failed to find module for current frame
Error: address out of range

Backtrace (TID 31):
#0 ??? - [/usr/bin/broken]

"""

OOPS = """\
Crash Report:
Reason: BUG: unable to handle kernel paging request at 0000000000002658
Kernel Version : 6.1.14-1270.native #1
Tainted : G           OE
Modules : fuse i915 nvidia(POF)
Backtrace :
Register EFLAGS: Non-zero
Register RAX: Zero
#1 ? page_fault_oops - [kernel]
#2 ? exc_page_fault - [kernel]
#3 nvme_poll.isra.0 - [kernel]
#4 do_syscall_64 - [kernel]
#5 entry_SYSCALL_64_after_hwframe - [kernel]

"""

GUESSED = """\
Crash Report:
Reason: RTNL: assertion failed at drivers/net/bonding/bond_main.c
Kernel Version : 3.12-trunk-amd64 #1 Debian 3.12.3-1~exp1
Tainted : Not tainted
Backtrace :
#1 ? dump_stack - [kernel]
#2 ? bond_set_rx_mode - [kernel]
#3 ? pipe_write - [kernel]

"""

REGISTERS_ONLY = """\
Crash Report:
Reason: BUG: kernel NULL pointer dereference, address: 0000000000000010
Kernel Version : 6.1.14-1270.native #1
Not tainted
Register RAX: Zero

"""

ALL = (
    ABORTED,
    THREADED,
    STRIPPED,
    NOT_UNWOUND,
    OOPS,
    GUESSED,
    REGISTERS_ONLY,
    "Crash from third party\n",
    "",
)


def crash(*frames: str) -> str:
    """A payload with these frames, numbered."""
    lines = [f"#{number} {frame}\n" for number, frame in enumerate(frames)]
    return f"Process: /usr/bin/app\nPID: 1\n\nBacktrace (TID 1):\n{''.join(lines)}"
