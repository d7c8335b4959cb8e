"""Frames that are never guilty in any program, each with its reason.

They ship with the project and can be switched off one by one. They are about the C and
C++ libraries, GLib and the kernel: code that breaks where others made the mistake.
"""

from collections.abc import Iterator
from itertools import count

from crashes.backtrace import KERNEL_MODULE
from crashes.guilty import Rule, RuleKind

LIBC = "libc.so.6"
PTHREAD = "libpthread.so*"
LOADER = "ld-linux*"
LIBSTDCXX = "libstdc++.so*"
LIBGCC = "libgcc_s.so*"
LIBCXX = "libc++*"
GLIB = "libglib-2.0.so*"
GOBJECT = "libgobject-2.0.so*"
GIO = "libgio-2.0.so*"
ANYWHERE = "*"

SKIP = RuleKind.IGNORE
SKIP_ABOVE = RuleKind.IGNORE_WITH_ABOVE
LOOK_BELOW = RuleKind.SENTINEL

# A group: module, kind, reason, functions (where `|` is a space). Only functions that
# nothing interrupts and that call nothing back may ignore what is above them.
_C_LIBRARY = (
    (
        LIBC,
        SKIP_ABOVE,
        "Ends the program; whoever called it decided so.",
        "abort raise gsignal __GI_abort __GI_raise pthread_kill __pthread_kill "
        "__pthread_kill_internal __pthread_kill_implementation",
    ),
    (
        PTHREAD,
        SKIP_ABOVE,
        "Ends the program; whoever called it decided so.",
        "raise gsignal __GI_raise pthread_kill",
    ),
    (
        LIBC,
        SKIP_ABOVE,
        "Reports a failed assertion; the function that asserted is below.",
        "__assert __assert_fail __assert_fail_base __assert_perror_fail "
        "__GI___assert_fail",
    ),
    (
        LIBC,
        SKIP_ABOVE,
        "Reports an overflow that a run-time check has found in its caller.",
        "__stack_chk_fail __stack_chk_fail_local __fortify_fail __fortify_fail_abort "
        "__chk_fail __fdelt_chk __fdelt_warn __longjmp_chk ____longjmp_chk",
    ),
    (
        LIBC,
        SKIP_ABOVE,
        "Prints why the library gives up.",
        "__libc_fatal __libc_message __libc_message_impl __libc_message_wrapper",
    ),
    (
        LIBC,
        SKIP_ABOVE,
        "Finds the heap damaged by somebody else; its caller is the next clue.",
        "malloc_printerr malloc_consolidate _int_malloc _int_free _int_realloc "
        "_int_memalign _int_free_chunk _int_free_merge_chunk "
        "_int_free_maybe_consolidate _int_free_create_chunk unlink_chunk sysmalloc "
        "systrim munmap_chunk mremap_chunk tcache_get tcache_put tcache_init "
        "tcache_thread_shutdown tcache_key_initialize arena_get2 ptmalloc_init "
        "malloc_hook_ini free_check checked_request2size realloc_check malloc_check",
    ),
    (
        LIBC,
        SKIP_ABOVE,
        "Allocates memory; it fails on a heap that its callers damaged.",
        "malloc calloc realloc reallocarray free cfree memalign aligned_alloc valloc "
        "posix_memalign malloc_usable_size malloc_trim __malloc __calloc __realloc "
        "__free __libc_malloc __libc_malloc2 __libc_calloc __libc_calloc2 "
        "__libc_realloc __libc_reallocarray __libc_free __libc_memalign __libc_valloc "
        "__posix_memalign __GI___libc_malloc __GI___libc_free __GI___libc_realloc",
    ),
    (
        LIBC,
        SKIP,
        "Copies, compares or searches the memory that its caller named.",
        "memcpy memmove memset memcmp bcmp memchr memrchr rawmemchr mempcpy memmem "
        "bcopy bzero explicit_bzero __memcpy* __memmove* __memset* __memcmp* __memchr* "
        "__memrchr* __mempcpy* __rawmemchr* __memmem* __bzero* __wmem* wmemcpy wmemset "
        "wmemcmp __GI_mem*",
    ),
    (
        LIBC,
        SKIP,
        "Reads or writes the string that its caller named.",
        "strlen strnlen strcmp strncmp strcasecmp strncasecmp strcoll strcpy strncpy "
        "stpcpy stpncpy strcat strncat strlcpy strlcat strchr strrchr strchrnul strstr "
        "strcasestr strspn strcspn strpbrk strtok strtok_r strsep strdup strndup "
        "strtol strtoll strtoul strtoull strtod strtof atoi atol atoll atof strftime "
        "strerror __str* ____strto* __stpcpy* __stpncpy* __wcs* wcslen wcscpy wcscmp "
        "__GI_str* __GI___str*",
    ),
    (
        LIBC,
        SKIP,
        "Prints or scans as its caller's format and arguments say.",
        "*printf* *scanf* outstring_func",
    ),
    (
        LIBC,
        SKIP,
        "Works on the stream that its caller named.",
        "_IO_* __GI__IO_* __underflow __overflow __uflow fopen fopen64 fclose fflush "
        "fflush_unlocked fread fread_unlocked fwrite fwrite_unlocked fputs fputc "
        "fputs_unlocked puts putc putchar fgets fgetc getc getline getdelim __getdelim "
        "ungetc fseek fseeko ftell rewind setvbuf freopen fdopen",
    ),
    (
        LIBC,
        SKIP,
        "Sorts or searches with the caller's comparison.",
        "qsort qsort_r __qsort_r msort_with_tmp _quicksort bsearch lfind lsearch tfind "
        "tsearch __tsearch tdelete __tdelete twalk",
    ),
    (
        LIBC,
        SKIP,
        "Calls main, and the functions that run before and after it.",
        "__libc_start_call_main __libc_start_main __libc_start_main_impl call_init "
        "__libc_csu_init exit _exit __run_exit_handlers __run_prefork_handlers "
        "__cxa_finalize __cxa_atexit _exit_group __libc_exit",
    ),
    (
        LIBC,
        SKIP,
        "Every thread starts here.",
        "start_thread clone clone3 __clone __clone3 __clone_internal thread_start "
        "__nptl_deallocate_tsd __nptl_free_tcb __libc_thread_freeres",
    ),
    (
        PTHREAD,
        SKIP,
        "Every thread starts here.",
        "start_thread __nptl_deallocate_tsd",
    ),
    (
        LIBC,
        SKIP,
        "Locks, waits for or joins what its caller named.",
        "*pthread_* __lll_* lll_* __futex_* futex_* __sem_* __new_sem_* sem_wait "
        "sem_post sem_timedwait",
    ),
    (
        PTHREAD,
        SKIP,
        "Locks, waits for or joins what its caller named.",
        "*pthread_* __lll_* lll_* __futex_* futex_* __sem_* __new_sem_* sem_wait "
        "sem_post",
    ),
    (
        LIBC,
        SKIP,
        "Only asks the kernel; a program that a watchdog ends often waits there.",
        "syscall kill __kill killpg tgkill sigqueue pause __pause poll __poll ppoll "
        "__ppoll select __select pselect epoll_wait epoll_pwait __epoll_wait nanosleep "
        "__nanosleep clock_nanosleep __clock_nanosleep sleep __sleep usleep read "
        "__read write __write pread64 pwrite64 readv writev __readv __writev recv "
        "recvfrom recvmsg __recv __recvmsg send sendto sendmsg __send __sendmsg accept "
        "accept4 connect __connect wait4 waitpid __wait4 __waitpid waitid __waitid "
        "ioctl __ioctl fcntl64 fsync fdatasync munmap __munmap mmap64 sigsuspend "
        "__sigsuspend sigtimedwait __sigtimedwait sigwait __internal_syscall_cancel "
        "__syscall_cancel __syscall_cancel_arch __syscall_cancel_arch_end",
    ),
    (
        LIBC,
        LOOK_BELOW,
        "A signal arrived in the frame below; what is above only handled it.",
        "__restore_rt __restore",
    ),
    (
        PTHREAD,
        LOOK_BELOW,
        "A signal arrived in the frame below; what is above only handled it.",
        "__restore_rt __restore",
    ),
    (
        "[vdso]*",
        LOOK_BELOW,
        "A signal arrived in the frame below; what is above only handled it.",
        "__kernel_rt_sigreturn __kernel_sigreturn __vdso_rt_sigreturn",
    ),
    (
        LOADER,
        SKIP,
        "Loads libraries and finds the functions in them.",
        "_dl_* __dl_* dl_main call_init do_lookup_x check_match openaux _dl_start_user "
        "__tls_get_addr update_get_addr __tls_get_addr_slow",
    ),
    (
        LIBC,
        SKIP,
        "Loads libraries and finds the functions in them.",
        "dlopen dlclose dlsym _dl_* __dl* _dlerror_run",
    ),
)

_CXX_LIBRARY = (
    (
        LIBSTDCXX,
        SKIP_ABOVE,
        "Ends a program that throws an exception nobody catches.",
        "std::terminate() std::unexpected() __cxxabiv1::__terminate(*) "
        "__cxxabiv1::__unexpected(*) __gnu_cxx::__verbose_terminate_handler() "
        "__cxa_call_terminate __cxa_call_unexpected __gxx_personality_v0",
    ),
    (
        LIBSTDCXX,
        SKIP_ABOVE,
        "Throws the exception of the function below.",
        "__cxa_throw __cxa_rethrow __cxa_init_primary_exception __cxa_bad_cast "
        "__cxa_bad_typeid __cxa_throw_bad_array_length "
        "__cxa_throw_bad_array_new_length std::__throw_* std::rethrow_exception*",
    ),
    (
        LIBSTDCXX,
        SKIP_ABOVE,
        "Reports a failed check of the library's own interface.",
        "std::__glibcxx_assert_fail* std::__replacement_assert* "
        "__gnu_debug::_Error_formatter::* __cxa_pure_virtual __cxa_deleted_virtual",
    ),
    (
        LIBSTDCXX,
        SKIP,
        "Allocates memory; it fails on a heap that its callers damaged.",
        "operator|new* operator|delete* __gnu_cxx::__pool_alloc*",
    ),
    (
        LIBSTDCXX,
        SKIP,
        "Works on the object that its caller named.",
        "std::* __gnu_cxx::* __dynamic_cast __cxxabiv1::*",
    ),
    (
        LIBSTDCXX,
        SKIP,
        "Every thread starts here.",
        "execute_native_thread_routine execute_native_thread_routine_compat",
    ),
    (
        ANYWHERE,
        SKIP,
        "A template of the standard library, compiled into the program.",
        "std::* void|std::* bool|std::* __gnu_cxx::*",
    ),
    (
        LIBGCC,
        SKIP,
        "Unwinds the stack for an exception or the end of a thread.",
        "_Unwind_* uw_* execute_cfa_program execute_stack_op __gcc_personality_v0 "
        "__deregister_frame_info* __register_frame_info* search_object",
    ),
    (
        LIBGCC,
        SKIP_ABOVE,
        "Reports an overflow that a run-time check has found in its caller.",
        "__stack_chk_fail __chk_fail",
    ),
    (
        LIBC,
        SKIP,
        "Unwinds the stack for an exception or the end of a thread.",
        "unwind_stop __pthread_unwind backtrace __backtrace backtrace_helper",
    ),
    (
        LIBCXX,
        SKIP_ABOVE,
        "Ends a program that throws an exception nobody catches.",
        "std::terminate() std::__terminate* demangling_terminate_handler* "
        "abort_message __cxa_throw __cxa_rethrow failed_throw* __cxa_pure_virtual "
        "std::__1::__throw_* std::__1::__libcpp_verbose_abort*",
    ),
)

_GLIB = (
    (
        GLIB,
        SKIP_ABOVE,
        "Writes a message that ends the program; who wrote it is below.",
        "g_log* _g_log_abort g_logv g_error g_abort g_return_if_fail_warning "
        "g_warn_message g_on_error_stack_trace",
    ),
    (
        GLIB,
        SKIP_ABOVE,
        "Reports a failed assertion; the function that asserted is below.",
        "g_assertion_message*",
    ),
    (
        GLIB,
        SKIP,
        "Allocates memory; it fails on a heap that its callers damaged.",
        "g_malloc g_malloc0 g_malloc_n g_malloc0_n g_realloc g_realloc_n g_try_malloc* "
        "g_try_realloc* g_free g_free_sized g_clear_pointer g_aligned_* g_slice_* "
        "slab_allocator_* magazine_* thread_memory_magazine* mem_error g_memdup* "
        "g_strdup g_strndup g_strdup_printf g_strdup_vprintf g_strconcat g_strjoin* "
        "g_strfreev g_rc_box_* g_atomic_rc_box_*",
    ),
    (
        GLIB,
        SKIP,
        "Works on the value that its caller named.",
        "g_hash_table_* g_list_* g_slist_* g_queue_* g_array_* g_ptr_array_* "
        "g_byte_array_* g_bytes_* g_string_* g_str_* g_strcmp0 g_variant_* g_tree_* "
        "g_datalist_* g_data_* g_quark_* g_error_free g_error_new* g_set_error* "
        "g_propagate_error* g_clear_error g_sequence_* g_vasprintf",
    ),
    (
        GLIB,
        SKIP,
        "Runs what the program has asked to be called.",
        "g_main_* g_idle_dispatch g_timeout_dispatch g_unix_fd_source_dispatch "
        "g_child_watch_dispatch g_io_unix_dispatch g_source_* g_once_impl "
        "g_once_init_enter* glib_worker_main g_poll g_unix_signal_watch_dispatch",
    ),
    (
        GLIB,
        SKIP,
        "Starts threads, locks and waits as its caller says.",
        "g_thread_* g_mutex_* g_cond_* g_rec_mutex_* g_rw_lock_* g_async_queue_*",
    ),
    (
        GOBJECT,
        SKIP,
        "Calls what is connected to a signal or bound to a property.",
        "g_closure_* g_cclosure_* g_type_class_meta_marshal* "
        "g_type_iface_meta_marshal* signal_emit_* g_signal_* g_object_notify* "
        "g_object_dispatch_properties_changed object_interface_check_properties",
    ),
    (
        GOBJECT,
        SKIP,
        "Works on the object that its caller named.",
        "g_object_* g_type_* g_value_* g_weak_ref_* g_boxed_* g_param_spec_* "
        "g_toggle_*",
    ),
    (
        GIO,
        SKIP,
        "Delivers the result of a task to the function that waits for it.",
        "g_task_return* complete_in_idle_cb g_simple_async_result_complete* "
        "g_application_run g_application_real_local_command_line g_cancellable_cancel "
        "g_cancellable_connect",
    ),
)

_KERNEL = (
    (
        KERNEL_MODULE,
        SKIP_ABOVE,
        "Prints the stack.",
        "dump_stack dump_stack_lvl dump_stack_print_info __dump_stack show_stack "
        "show_stack_log_lvl show_trace show_trace_log_lvl show_regs dump_backtrace "
        "sched_show_task __show_regs dump_trace print_trace_stack nmi_cpu_backtrace "
        "nmi_cpu_backtrace_handler nmi_trigger_cpumask_backtrace "
        "arch_trigger_cpumask_backtrace",
    ),
    (
        KERNEL_MODULE,
        SKIP_ABOVE,
        "Stops the machine; the reason is below.",
        "panic vpanic nmi_panic nmi_panic_self_stop panic_smp_self_stop __panic",
    ),
    (
        KERNEL_MODULE,
        SKIP_ABOVE,
        "Prints the warning of the function below.",
        "__warn __warn_printk warn_slowpath_common warn_slowpath_fmt "
        "warn_slowpath_fmt_taint warn_slowpath_null warn_on_slowpath "
        "warn_slowpath_fmt_common __WARN report_bug __report_bug handle_bug fixup_bug "
        "do_error_trap do_invalid_op do_trap do_trap_no_signal bug_handler "
        "call_break_hook brk_handler",
    ),
    (
        KERNEL_MODULE,
        SKIP_ABOVE,
        "Reports a fault of the code below.",
        "die __die __die_body __die_header die_addr die_kernel_fault die_nmi "
        "oops_begin oops_end oops_enter oops_exit page_fault_oops no_context "
        "kernelmode_fixup_or_oops __bad_area __bad_area_nosemaphore bad_area "
        "bad_area_nosemaphore bad_area_access_error mm_fault_error show_fault_oops "
        "__do_kernel_fault make_task_dead rewind_stack_do_exit "
        "rewind_stack_and_make_dead math_error",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "The processor enters here on a fault of the code below.",
        "exc_* asm_exc_* page_fault async_page_fault do_page_fault __do_page_fault "
        "trace_do_page_fault trace_page_fault do_async_page_fault do_user_addr_fault "
        "do_kern_addr_fault spurious_fault general_protection do_general_protection "
        "double_fault do_double_fault df_debug stack_segment do_stack_segment "
        "invalid_op divide_error do_divide_error int3 do_int3 debug do_debug nmi "
        "do_nmi default_do_nmi end_repeat_nmi error_entry error_exit error_code "
        "do_mem_abort do_translation_fault do_bad_area do_debug_exception el1_abort "
        "el1_dbg el1_da el1_sync el1h_64_* el1t_64_* handle_exception "
        "ret_from_exception do_trap_break",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "The kernel enters here from a program, or returns to it.",
        "entry_SYSCALL* entry_SYSENTER* entry_INT80* do_syscall_64 do_int80_emulation "
        "do_int80_syscall_32 do_fast_syscall_32 __do_fast_syscall_32 do_SYSENTER_32 "
        "x64_sys_call ia32_sys_call system_call system_call_fastpath "
        "system_call_after_swapgs sysenter_* syscall_call syscall_exit* "
        "syscall_return_slowpath int_ret_from_sys_call ret_from_sys_call sysret_signal "
        "tracesys ptregscall_common exit_to_usermode_loop exit_to_user_mode_loop "
        "exit_to_user_mode_prepare prepare_exit_to_usermode irqentry_exit_to_user_mode "
        "retint_user el0_svc el0_svc_common* el0_svc_handler do_el0_svc el0_sync "
        "el0_sync_handler el0t_64_* invoke_syscall ret_fast_syscall do_trap_ecall_u",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "An interrupt arrived; the work it does, or the code it met, is elsewhere.",
        "do_IRQ common_interrupt asm_common_interrupt __common_interrupt ret_from_intr "
        "sysvec_* __sysvec_* asm_sysvec_* smp_apic_timer_interrupt "
        "apic_timer_interrupt smp_call_function_interrupt call_function_interrupt "
        "irq_enter irq_exit irq_exit_rcu __irq_exit_rcu handle_irq handle_irq_event "
        "handle_irq_event_percpu __handle_irq_event_percpu handle_level_irq "
        "handle_edge_irq handle_fasteoi_irq generic_handle_irq __handle_domain_irq "
        "call_on_stack call_irq_on_stack asm_call_irq_on_stack do_softirq "
        "do_softirq_own_stack __do_softirq handle_softirqs run_ksoftirqd "
        "note_interrupt __report_bad_irq gic_handle_irq irqentry_enter irqentry_exit",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "The timer that noticed that the code below does not come to an end.",
        "hrtimer_interrupt __hrtimer_run_queues hrtimer_run_queues __run_hrtimer "
        "local_apic_timer_interrupt tick_sched_timer tick_nohz_handler "
        "tick_nohz_highres_handler tick_sched_handle tick_periodic "
        "tick_handle_periodic update_process_times scheduler_tick sched_tick "
        "rcu_check_callbacks rcu_sched_clock_irq perf_event_overflow "
        "__perf_event_overflow perf_event_nmi_handler intel_pmu_handle_irq nmi_handle",
    ),
    (
        KERNEL_MODULE,
        SKIP_ABOVE,
        "Reports code that does not come to an end.",
        "watchdog_timer_fn watchdog_overflow_callback watchdog_hardlockup_check "
        "rcu_dump_cpu_stacks print_cpu_stall print_other_cpu_stall check_cpu_stall "
        "check_hung_task check_hung_uninterruptible_tasks",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "Reports a check of locking or context that its caller did not pass.",
        "__might_sleep ___might_sleep __might_resched __schedule_bug "
        "lockdep_rcu_suspicious print_circular_bug* check_noncircular "
        "print_bad_irq_dependency print_usage_bug print_deadlock_bug "
        "debug_smp_processor_id check_preemption_disabled __lock_acquire lock_acquire",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "Reports memory that its callers have damaged or misused.",
        "kasan_* __kasan_* __asan_* print_report print_address_description "
        "check_memory_region end_report object_err slab_err print_trailer "
        "slab_pad_check check_bytes_and_report bad_page free_page_is_bad "
        "check_new_page_bad ubsan_epilogue __ubsan_handle_* usercopy_abort "
        "__check_object_size __check_heap_object fortify_panic __fortify_panic "
        "__stack_chk_fail kmsan_* __msan_* kfence_*",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "Finds a list or counter that its callers have damaged.",
        "__list_add_valid __list_add_valid_or_report __list_del_entry "
        "__list_del_entry_valid __list_del_entry_valid_or_report __list_add list_del "
        "refcount_warn_saturate refcount_add_checked refcount_inc_checked "
        "refcount_sub_and_test_checked refcount_dec_and_test_checked "
        "refcount_error_report",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "Copies or sets the memory that its caller named.",
        "memcpy __memcpy memcpy_erms memcpy_orig memmove __memmove memset __memset "
        "memset_erms memset_orig memcmp strlen strnlen strcmp strcpy strncpy strscpy "
        "rep_movs_alternative rep_stos_alternative copy_user_* __copy_user_* copy_page "
        "copy_page_rep clear_page_* _copy_to_user _copy_from_user _copy_to_iter "
        "_copy_from_iter",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "Allocates memory; it fails on a heap that others have damaged.",
        "kmalloc __kmalloc* kmalloc_* kmem_cache_alloc* kmem_cache_free kfree kvfree "
        "vfree kzalloc kvmalloc_node* ___slab_alloc __slab_alloc __slab_free "
        "slab_free* get_page_from_freelist __alloc_pages* alloc_pages* __free_pages* "
        "free_pcppages_bulk free_unref_page*",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "Waits for the lock that its caller named.",
        "_raw_spin_* _raw_read_* _raw_write_* _spin_* native_queued_spin_lock_slowpath "
        "queued_spin_lock_slowpath __pv_queued_spin_lock_slowpath "
        "queued_read_lock_slowpath queued_write_lock_slowpath mutex_lock* "
        "__mutex_lock* mutex_unlock __mutex_unlock* down_read* down_write* up_read "
        "up_write rwsem_down_* __down_* rt_mutex_* osq_lock",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "Gives the processor to another task.",
        "schedule __schedule schedule_timeout schedule_preempt_disabled io_schedule* "
        "preempt_schedule* context_switch __switch_to __switch_to_asm "
        "finish_task_switch wait_for_completion* __wait_for_common do_wait_for_common",
    ),
    (
        KERNEL_MODULE,
        SKIP,
        "Every kernel thread, idle loop or start of the machine begins here.",
        "kthread ret_from_fork ret_from_fork_asm ret_from_kernel_thread "
        "kernel_thread_starter worker_thread process_one_work process_scheduled_works "
        "smpboot_thread_fn start_secondary cpu_startup_entry cpu_idle cpu_idle_loop "
        "do_idle default_idle* cpuidle_idle_call cpuidle_enter* native_safe_halt "
        "arch_cpu_idle amd_e400_idle acpi_idle_* intel_idle* poll_idle mwait_idle "
        "rest_init start_kernel x86_64_start_* secondary_startup_64* common_startup_64 "
        "kernel_init kernel_init_freeable do_one_initcall do_initcalls",
    ),
)


def _rules() -> Iterator[Rule]:
    numbers = count(1)
    for module, kind, reason, functions in (
        *_C_LIBRARY,
        *_CXX_LIBRARY,
        *_GLIB,
        *_KERNEL,
    ):
        for function in functions.split():
            name = function.replace("|", " ")
            glob = "*" in name or "*" in module
            yield Rule(next(numbers), name, module, kind, glob, reason=reason)


STARTER_RULES = tuple(_rules())
