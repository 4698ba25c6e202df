//! Which names belong to which library: what hints are made from. Facts, no decisions.
//!
//! The C library lists come from comparing exports: glibc 2.36 (libc, libm, libpthread, libdl, librt, libresolv, libutil)
//! less what musl 1.2.5 defines. They leave out names that a program is as likely to use for something of its own.

/// Whether glibc exports the name and musl does not: a function of its own, a checked ("fortified") variant, or an
/// internal name that its headers refer to.
pub fn is_glibc_only(name: &str) -> bool {
    let is_fortified = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("_chk")).is_some_and(|middle| {
        !middle.is_empty()
            && middle.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    });
    let prefixes = ["__isoc23_", "__isoc2y_", "__nss_", "_nss_", "argp_", "argz_", "envz_", "__res_", "__ns_", "_IO_"];
    // Declared by musl's headers or defined by it.
    let is_of_both = matches!(
        name,
        "__stack_chk_fail"
            | "__stack_chk_guard"
            | "_IO_getc"
            | "_IO_putc"
            | "_IO_getc_unlocked"
            | "_IO_putc_unlocked"
            | "_IO_feof_unlocked"
            | "_IO_ferror_unlocked"
            | "__res_mkquery"
            | "__res_send"
            | "__res_state"
    );
    let is_finite_math = name.starts_with("__") && name.ends_with("_finite");
    let is_internal_number = name.starts_with("__strto") && name.ends_with("_internal");
    let is_versioned = name.contains("@GLIBC_");
    !is_of_both
        && (is_fortified
            || is_finite_math
            || is_internal_number
            || is_versioned
            || prefixes.iter().any(|prefix| name.starts_with(prefix))
            || contains(GLIBC_ONLY, name))
}

/// Whether it is one of the large-file names (`fopen64`), which musl defined until 1.2.3 and has dropped since.
pub fn is_large_file(name: &str) -> bool {
    contains(LARGE_FILE, name)
}

/// The glibc release that first had the name, where a static glibc on a build machine may be older than the archive.
pub fn glibc_release(name: &str) -> Option<&'static str> {
    if name.starts_with("__isoc23_") {
        return Some("2.38");
    }
    GLIBC_RELEASES.iter().find(|(_, names)| contains(names, name)).map(|(release, _)| *release)
}

/// Whether it is a helper that compilers call and libgcc or compiler-rt define: 128-bit integers, long double,
/// half floats, aarch64's outlined atomics, CPU detection.
pub fn is_compiler_helper(name: &str) -> bool {
    let Some(helper) = name.strip_prefix("__") else { return false };
    if let Some(atomic) = helper.strip_prefix("aarch64_") {
        let operations = ["cas", "swp", "ldadd", "ldclr", "ldeor", "ldset", "have_lse_atomics"];
        return operations.iter().any(|operation| atomic.starts_with(operation));
    }
    contains(COMPILER_HELPERS, helper)
}

/// Whether it is a function of libm.
pub fn is_math(name: &str) -> bool {
    let base = name.strip_suffix(['f', 'l']).unwrap_or(name);
    contains(MATH, name) || contains(MATH, base)
}

/// Whether it is so central to every C library that its absence means that none was linked.
pub fn is_libc(name: &str) -> bool {
    contains(LIBC, name)
}

/// A library known by its names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Library {
    /// What people call it.
    pub name: &'static str,
    /// The flags that link it.
    pub flags: &'static str,
}

/// The library that a name most likely belongs to.
pub fn library(name: &str) -> Option<Library> {
    let starts = |prefixes: &str| prefixes.split_ascii_whitespace().any(|prefix| name.starts_with(prefix));
    let (library, flags, ..) =
        LIBRARIES.iter().find(|(_, _, prefixes, names)| starts(prefixes) || contains(names, name))?;
    Some(Library { name: library, flags })
}

fn contains(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|one| one == word)
}

/// Library, flags, prefixes of its names, further names. The first that fits counts.
const LIBRARIES: &[(&str, &str, &str, &str)] = &[
    (
        "OpenSSL's libssl",
        "-lssl -lcrypto",
        "SSL_ DTLS_ TLS_ OPENSSL_init_ssl",
        "BIO_f_ssl BIO_new_ssl BIO_ssl_shutdown",
    ),
    (
        "OpenSSL's libcrypto",
        "-lcrypto",
        "EVP_ BIO_ RSA_ X509_ X509V3_ PEM_ BN_ ERR_ OPENSSL_ CRYPTO_ EC_ ECDSA_ ECDH_ ASN1_ d2i_ i2d_ RAND_ HMAC_ AES_ SHA1_ SHA224_ SHA256_ SHA384_ SHA512_ MD5_ PKCS7_ PKCS12_ PKCS5_ OBJ_ DH_ DSA_ ENGINE_ GENERAL_NAME OCSP_ CMS_ OSSL_ OpenSSL_",
        "HMAC SHA1 SHA256 SHA512 MD5",
    ),
    ("SQLite", "-lsqlite3", "sqlite3_", ""),
    ("libcurl", "-lcurl", "curl_", ""),
    ("Zstandard", "-lzstd", "ZSTD_ ZDICT_", ""),
    ("LZ4", "-llz4", "LZ4_ LZ4F_", ""),
    ("bzip2", "-lbz2", "BZ2_", ""),
    ("XZ (liblzma)", "-llzma", "lzma_", ""),
    ("Brotli", "-lbrotlienc -lbrotlidec -lbrotlicommon", "BrotliEncoder BrotliDecoder BrotliDefault", ""),
    ("Snappy", "-lsnappy", "snappy_ _ZN6snappy", ""),
    (
        "zlib",
        "-lz",
        "deflate inflate gzopen gzread gzwrite gzclose gzprintf crc32_ adler32_ zlib",
        "crc32 adler32 compress compress2 compressBound uncompress uncompress2 zError gzdopen gzeof gzerror gzflush gzgetc gzgets gzputc gzputs gzseek gztell gzrewind",
    ),
    ("librdkafka", "-lrdkafka", "rd_kafka_", ""),
    ("Cyrus SASL", "-lsasl2", "sasl_", ""),
    ("libgit2", "-lgit2", "git_", ""),
    ("libssh2", "-lssh2", "libssh2_", ""),
    ("nghttp2", "-lnghttp2", "nghttp2_", ""),
    ("c-ares", "-lcares", "ares_", ""),
    ("RocksDB", "-lrocksdb", "rocksdb_ _ZN7rocksdb", ""),
    ("LevelDB", "-lleveldb", "leveldb_ _ZN7leveldb", ""),
    ("DuckDB", "-lduckdb", "duckdb_ _ZN6duckdb", ""),
    ("LMDB", "-llmdb", "mdb_", ""),
    ("PostgreSQL's libpq", "-lpq", "PQ", ""),
    ("the MySQL client", "-lmysqlclient", "mysql_", ""),
    ("libpcap", "-lpcap", "pcap_", ""),
    ("libbpf", "-lbpf -lelf -lz", "bpf_ libbpf_ btf__ perf_buffer__ ring_buffer__", ""),
    ("libelf", "-lelf", "elf_ elf32_ elf64_ gelf_", ""),
    ("libseccomp", "-lseccomp", "seccomp_", ""),
    ("libsystemd", "-lsystemd", "sd_journal_ sd_bus_ sd_event_ sd_notify sd_listen_ sd_id128_", ""),
    ("libudev", "-ludev", "udev_", ""),
    ("libusb", "-lusb-1.0", "libusb_", ""),
    ("device mapper", "-ldevmapper", "dm_task_ dm_get_ dm_set_ dm_udev_ dm_log_", ""),
    ("btrfs-progs", "-lbtrfs", "btrfs_", ""),
    ("libmount", "-lmount", "mnt_", ""),
    ("libblkid", "-lblkid", "blkid_", ""),
    ("libuuid", "-luuid", "uuid_", ""),
    ("libselinux", "-lselinux", "selinux_ selabel_ getfilecon setfilecon is_selinux_", ""),
    ("libcap", "-lcap", "cap_get_ cap_set_ cap_free cap_to_ cap_from_", ""),
    ("PAM", "-lpam", "pam_", ""),
    ("Kerberos", "-lkrb5", "krb5_", ""),
    ("GSSAPI", "-lgssapi_krb5", "gss_", ""),
    ("OpenLDAP", "-lldap -llber", "ldap_ ber_", ""),
    (
        "libsodium",
        "-lsodium",
        "sodium_ crypto_secretbox crypto_box crypto_sign crypto_aead crypto_generichash crypto_pwhash randombytes_",
        "",
    ),
    ("libsecp256k1", "-lsecp256k1", "secp256k1_", ""),
    ("GMP", "-lgmp", "__gmp", ""),
    ("MPFR", "-lmpfr -lgmp", "mpfr_", ""),
    ("ZeroMQ", "-lzmq", "zmq_", ""),
    ("libuv", "-luv", "uv_", ""),
    ("libevent", "-levent", "event_base_ event_new event_add event_del event_free evbuffer_ bufferevent_ evhttp_", ""),
    (
        "libxml2",
        "-lxml2",
        "xmlParse xmlRead xmlNew xmlFree xmlNode xmlDoc xmlInit xmlCleanup xmlXPath xmlSchema xmlStr xmlGet xmlSet xmlBuffer htmlParse htmlRead",
        "",
    ),
    ("Expat", "-lexpat", "XML_", ""),
    ("libyaml", "-lyaml", "yaml_", ""),
    ("cJSON", "-lcjson", "cJSON_", ""),
    ("Jansson", "-ljansson", "json_object_ json_array_ json_loads json_dumps json_decref", ""),
    ("libpng", "-lpng -lz", "png_", ""),
    ("libjpeg", "-ljpeg", "jpeg_", ""),
    ("libjpeg-turbo", "-lturbojpeg", "tj3 tjInit tjCompress tjDecompress tjDestroy", ""),
    ("libtiff", "-ltiff", "TIFF", ""),
    ("libwebp", "-lwebp", "WebP", ""),
    ("libvips", "-lvips", "vips_", ""),
    ("FreeType", "-lfreetype", "FT_", ""),
    ("FFmpeg's libavcodec", "-lavcodec -lavutil", "avcodec_ av_packet_ av_parser_", ""),
    ("FFmpeg's libavformat", "-lavformat -lavcodec -lavutil", "avformat_ avio_ av_read_", ""),
    ("FFmpeg's libavutil", "-lavutil", "av_ avutil_", ""),
    ("FFmpeg's libswscale", "-lswscale -lavutil", "sws_", ""),
    ("Opus", "-lopus", "opus_", ""),
    ("ALSA", "-lasound", "snd_", ""),
    ("PortAudio", "-lportaudio", "Pa_", ""),
    ("SDL", "-lSDL2", "SDL_", ""),
    ("GLFW", "-lglfw", "glfw", ""),
    ("OpenCV", "-lopencv_core", "_ZN2cv _ZNK2cv", ""),
    ("GTK", "-lgtk-3", "gtk_ gdk_", ""),
    (
        "GLib",
        "-lglib-2.0 -lgobject-2.0 -lgio-2.0",
        "g_object_ g_malloc g_free g_signal_ g_list_ g_hash_table_ g_error_ g_strdup g_string_ g_main_ g_type_ g_value_ g_variant_ g_log",
        "",
    ),
    ("X11", "-lX11", "XOpen XClose XCreate XDestroy XMap XNext XPending XSet XGet XFree XSync XFlush", ""),
    ("Lua", "-llua -lm", "lua_ luaL_ luaopen_", ""),
    ("CPython", "-lpython3", "Py PyObject _Py", ""),
    ("PCRE2", "-lpcre2-8", "pcre2_", ""),
    ("PCRE", "-lpcre", "pcre_", ""),
    ("Oniguruma", "-lonig", "onig_", ""),
    ("Hyperscan", "-lhs", "hs_scan hs_compile hs_alloc hs_free_ hs_database hs_open_stream", ""),
    ("YARA", "-lyara", "yr_", ""),
    ("YARA-X", "-lyara_x_capi", "yrx_", ""),
    ("libnuma", "-lnuma", "numa_", ""),
    ("CUDA's run time", "-lcudart", "cuda", ""),
    ("wasmtime", "-lwasmtime", "wasmtime_ wasm_ wasi_config_", ""),
    ("wasmer", "-lwasmer", "wasmer_", ""),
    ("llama.cpp", "-lllama -lggml", "llama_ ggml_", ""),
    ("tree-sitter", "-ltree-sitter", "ts_parser_ ts_tree_ ts_node_ ts_query_ ts_language_", ""),
    ("ICU", "-licui18n -licuuc -licudata", "ucnv_ ucol_ ubrk_ unorm2_ uloc_ _ZN6icu_", ""),
    ("Abseil", "-labsl_base", "_ZN4absl _ZNK4absl", ""),
    ("Protocol Buffers", "-lprotobuf", "_ZN6google8protobuf _ZNK6google8protobuf", ""),
    ("gRPC", "-lgrpc", "grpc_", ""),
    ("jemalloc", "-ljemalloc", "je_", "mallctl mallctlnametomib mallctlbymib"),
    (
        "ncurses",
        "-lncurses -ltinfo",
        "wgetch waddn wmove",
        "initscr endwin newwin delwin wrefresh stdscr curs_set noecho keypad tgetent tgetstr tputs setupterm",
    ),
    ("Readline", "-lreadline", "rl_", "readline add_history using_history"),
    ("libatomic", "-latomic", "__atomic_", ""),
];

/// Names that C programs cannot do without.
const LIBC: &str = "\
    abort calloc close exit fclose fopen fprintf fputc fputs fread free fwrite getauxval getenv malloc memchr memcmp \
    memcpy memmove memset mmap munmap open printf pthread_create pthread_mutex_lock pthread_mutex_unlock puts read \
    realloc sigaction snprintf sprintf stderr stdin stdout strchr strcmp strcpy strdup strerror strlen strncmp \
    strtol vfprintf write __errno_location __libc_start_main __stack_chk_fail __tls_get_addr";

/// Functions of libm, without the `f` and `l` of their other precisions.
const MATH: &str = "\
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 exp10 expm1 fabs fdim floor \
    fma fmax fmin fmod frexp hypot ilogb ldexp lgamma lgamma_r llrint llround log log10 log1p log2 logb lrint lround \
    modf nan nearbyint nextafter nexttoward pow remainder remquo rint round scalbln scalbn sin sincos sinh sqrt tan \
    tanh tgamma trunc cabs carg cexp clog cpow csin ccos csqrt feclearexcept fegetround fesetround feraiseexcept \
    fetestexcept";

/// Helpers of libgcc and compiler-rt, without their leading underscores.
const COMPILER_HELPERS: &str = "\
    absvdi2 absvsi2 absvti2 addvdi3 addvsi3 addvti3 mulvdi3 mulvsi3 mulvti3 negvdi2 negvsi2 negvti2 subvdi3 subvsi3 \
    subvti3 ashldi3 ashlti3 ashrdi3 ashrti3 lshrdi3 lshrti3 cmpdi2 cmpti2 ucmpdi2 ucmpti2 divdi3 divti3 divmodti4 \
    moddi3 modti3 udivdi3 udivti3 umoddi3 umodti3 udivmoddi4 udivmodti4 muldi3 multi3 mulodi4 mulosi4 muloti4 negdi2 \
    negti2 clzsi2 clzdi2 clzti2 ctzsi2 ctzdi2 ctzti2 ffssi2 ffsdi2 ffsti2 popcountsi2 popcountdi2 popcountti2 \
    paritysi2 paritydi2 parityti2 bswapsi2 bswapdi2 addtf3 subtf3 multf3 divtf3 negtf2 eqtf2 netf2 getf2 gttf2 letf2 \
    lttf2 unordtf2 cmptf2 extendsftf2 extenddftf2 extendxftf2 extendhfsf2 extendhfdf2 extendhftf2 extendbfsf2 \
    truncsfhf2 truncdfhf2 truncxfhf2 trunctfhf2 truncsfbf2 truncdfbf2 trunctfsf2 trunctfdf2 trunctfxf2 gnu_h2f_ieee \
    gnu_f2h_ieee fixtfsi fixtfdi fixtfti fixunstfsi fixunstfdi fixunstfti fixsfti fixdfti fixxfti fixunssfti \
    fixunsdfti fixunsxfti fixsfdi fixdfdi fixunssfdi fixunsdfdi floatsitf floatditf floattitf floatunsitf \
    floatunditf floatuntitf floattisf floattidf floattixf floatuntisf floatuntidf floatuntixf powisf2 powidf2 \
    powitf2 powixf2 mulsc3 muldc3 multc3 mulxc3 divsc3 divdc3 divtc3 divxc3 cpu_model cpu_model2 cpu_features2 \
    cpu_indicator_init cpu_supports clear_cache emutls_get_address enable_execute_stack gcc_personality_v0 \
    init_cpu_features_resolver";

/// glibc releases and the names they brought; from its release notes.
const GLIBC_RELEASES: &[(&str, &str)] = &[
    ("2.38", "strlcpy strlcat wcslcpy wcslcat"),
    (
        "2.36",
        "arc4random arc4random_buf arc4random_uniform pidfd_open pidfd_getfd pidfd_send_signal process_madvise process_mrelease fsopen fsmount fsconfig fspick open_tree move_mount mount_setattr",
    ),
    ("2.35", "_dl_find_object __memcmpeq epoll_pwait2 posix_spawn_file_actions_addtcsetpgrp_np"),
    ("2.34", "close_range closefrom execveat posix_spawn_file_actions_addclosefrom_np timespec_getres"),
    ("2.33", "stat fstat lstat fstatat mknod mknodat mallinfo2 stat64 fstat64 lstat64 fstatat64"),
    (
        "2.32",
        "__libc_single_threaded pthread_attr_setsigmask_np sigabbrev_np sigdescr_np strerrorname_np strerrordesc_np",
    ),
    ("2.30", "gettid getdents64 tgkill pthread_cond_clockwait pthread_mutex_clocklock sem_clockwait twalk_r"),
    ("2.28", "fcntl64 statx renameat2 thrd_create mtx_lock"),
];

/// The large-file twins of functions whose `off_t` has 64 bits on these machines anyway.
const LARGE_FILE: &str = "\
    __fxstat64 __fxstatat64 __lxstat64 __xstat64 aio_cancel64 aio_error64 aio_fsync64 aio_read64 aio_return64 \
    aio_suspend64 aio_write64 alphasort64 creat64 fallocate64 fcntl64 fgetpos64 fopen64 freopen64 fseeko64 fsetpos64 \
    fstat64 fstatat64 fstatfs64 fstatvfs64 ftello64 ftruncate64 fts64_children fts64_close fts64_open fts64_read \
    fts64_set ftw64 getdirentries64 getrlimit64 glob64 globfree64 lio_listio64 lockf64 lseek64 lstat64 mkostemp64 \
    mkostemps64 mkstemp64 mkstemps64 mmap64 mq_open64 nftw64 open64 openat64 posix_fadvise64 posix_fallocate64 \
    pread64 preadv64 prlimit64 pwrite64 pwritev64 readdir64 readdir64_r scandir64 scandirat64 sendfile64 setrlimit64 \
    stat64 statfs64 statvfs64 tmpfile64 truncate64 versionsort64";

/// What glibc exports and musl does not, beside what [`is_glibc_only`] knows by pattern.
const GLIBC_ONLY: &str = "\
    __abort_msg __adjtimex __after_morecore_hook __arch_prctl __argz_count __argz_next __argz_stringify __asprintf \
    __assert __assert_perror_fail __backtrace __backtrace_symbols __backtrace_symbols_fd __bsd_getpgrp __bzero \
    __call_tls_dtors __chk_fail __clog10 __clog10f __clog10l __close __cmsg_nxthdr __connect __ctype32_b \
    __ctype32_tolower __ctype32_toupper __ctype_b __ctype_init __ctype_tolower __ctype_toupper __curbrk \
    __cxa_at_quick_exit __cxa_thread_atexit_impl __dcgettext __default_morecore __dgettext __dup2 __endmntent \
    __fcntl __fdelt_warn __fentry__ __ffs __finitef __finitel __fork __fortify_fail __fpu_control __free_hook \
    __fseeko64 __fstat64 __ftello64 __getmntent_r __getpagesize __getpgid __getpid __getrlimit __gettimeofday \
    __h_errno __isascii_l __isctype __iseqsig __iseqsigf __iseqsigl __isinf __isinff __isinfl __isnan __isnanf \
    __isnanl __issignaling __issignalingf __issignalingl __iswctype __libc_fcntl64 __libc_fork __libc_mallinfo \
    __libc_mallopt __libc_memalign __libc_msgrcv __libc_msgsnd __libc_pread __libc_pvalloc __libc_pwrite \
    __libc_reallocarray __libc_sa_len __libc_secure_getenv __libc_single_threaded __libc_system \
    __libc_unwind_link_get __libc_valloc __malloc_hook __malloc_initialize_hook __mbrlen __mbrtowc __memalign_hook \
    __memcmpeq __mempcpy __mktemp __morecore __mq_open_2 __nanosleep __open __open64_2 __open_2 __openat64_2 \
    __openat_2 __pipe __poll __pread64 __printf_fp __pthread_cleanup_routine __pthread_get_minstack \
    __pthread_getspecific __pthread_keys __pthread_mutex_destroy __pthread_mutex_init __pthread_mutexattr_destroy \
    __pthread_mutexattr_init __pthread_mutexattr_settype __pthread_register_cancel __pthread_register_cancel_defer \
    __pthread_rwlock_destroy __pthread_rwlock_init __pthread_setspecific __pthread_unregister_cancel \
    __pthread_unregister_cancel_restore __pthread_unwind_next __putlong __putshort __pwrite64 __rawmemchr \
    __rcmd_errstr __read __realloc_hook __recv __register_atfork __sbrk __sched_cpualloc __sched_cpufree \
    __sched_get_priority_max __sched_get_priority_min __sched_getparam __sched_getscheduler __sched_setscheduler \
    __sched_yield __secure_getenv __select __send __sendmmsg __setmntent __setpgid __sigaddset __sigdelset \
    __sigismember __sigpause __sigsuspend __sigtimedwait __snprintf __socket __statfs __strcasecmp __strcasestr \
    __strdup __strerror_r __strfmon_l __strndup __strtok_r __strtok_r_1c __strtol_l __strtoll_l __strtoul_l \
    __strtoull_l __strverscmp __sysconf __sysctl __tdelete __tfind __toascii_l __towctrans __tsearch __twalk \
    __twalk_r __underflow __vfork __vfscanf __vsnprintf __vsscanf __waitpid __wcscasecmp_l __wcsncasecmp_l \
    __wcstod_l __wcstof_l __wcstol_l __wcstold_l __wcstoll_l __wcstoul_l __wcstoull_l __write __xpg_sigpause \
    _getlong _getshort _obstack _obstack_allocated_p _obstack_begin _obstack_begin_1 _obstack_free \
    _obstack_memory_used _obstack_newchunk _pthread_cleanup_pop_restore _pthread_cleanup_push_defer _res \
    _sys_errlist _sys_nerr _sys_siglist _tolower _toupper addseverity aio_init arc4random arc4random_buf \
    arc4random_uniform backtrace backtrace_symbols backtrace_symbols_fd c8rtomb canonicalize_file_name cfree clog10 \
    clog10f clog10l close_range closefrom dladdr1 dlmopen dlvsym drand48_r dysize ecvt_r epoll_pwait2 erand48_r \
    error_at_line error_message_count error_one_per_line error_print_progname execveat fchflags fcloseall fcvt_r \
    fedisableexcept feenableexcept fegetexcept fegetmode fesetexcept fesetmode fetestexceptflag fgetgrent_r \
    fgetpwent_r fgetspent_r finitel fsconfig fsmount fsopen fspick gai_cancel gai_error gai_suspend gamma gammaf \
    gammal getaddrinfo_a getcontext getcpu getdate_r getdirentries getgrent_r gethostent_r getipv4sourcefilter \
    getnetbyaddr_r getnetbyname_r getnetent_r getprotobyname_r getprotobynumber_r getprotoent_r getpt getpw \
    getpwent_r getservent_r getsourcefilter getspent_r getutent_r getutid_r getutline_r getutmp getutmpx getwd \
    glob_pattern_p gnu_dev_major gnu_dev_makedev gnu_dev_minor gnu_get_libc_release gnu_get_libc_version \
    group_member gsignal h_errlist h_nerr inet_net_ntop inet_net_pton inet_neta inet_nsap_addr inet_nsap_ntoa \
    initstate_r isctype isfdtype isinf isinff isinfl isnan isnanf isnanl j0l j1l jnl jrand48_r lcong48_r llseek \
    logwtmp lrand48_r makecontext mallinfo mallinfo2 malloc_info malloc_stats malloc_trim mallopt mbrtoc8 mcheck \
    mcheck_check_all mcheck_pedantic mcount memfrob modify_ldt mount_setattr move_mount mprobe mrand48_r mtrace \
    muntrace nrand48_r obstack_alloc_failed_handler obstack_exit_failure obstack_free obstack_printf obstack_vprintf \
    on_exit open_tree parse_printf_format pidfd_getfd pidfd_open pidfd_send_signal pkey_alloc pkey_free pkey_get \
    pkey_mprotect pkey_set posix_spawn_file_actions_addclosefrom_np posix_spawn_file_actions_addtcsetpgrp_np \
    preadv64v2 printf_size printf_size_info process_madvise process_mrelease pthread_attr_getaffinity_np \
    pthread_attr_getsigmask_np pthread_attr_getstackaddr pthread_attr_setaffinity_np pthread_attr_setsigmask_np \
    pthread_attr_setstackaddr pthread_clockjoin_np pthread_cond_clockwait pthread_kill_other_threads_np \
    pthread_mutex_clocklock pthread_mutex_consistent_np pthread_mutexattr_getkind_np \
    pthread_mutexattr_getprioceiling pthread_mutexattr_getrobust_np pthread_mutexattr_setkind_np \
    pthread_mutexattr_setprioceiling pthread_mutexattr_setrobust_np pthread_rwlock_clockrdlock \
    pthread_rwlock_clockwrlock pthread_rwlockattr_getkind_np pthread_rwlockattr_setkind_np pthread_sigqueue \
    pthread_yield pvalloc pwritev64v2 qecvt qecvt_r qfcvt qfcvt_r qgcvt random_r rawmemchr re_comp \
    re_compile_fastmap re_compile_pattern re_exec re_match re_match_2 re_search re_search_2 re_set_registers \
    re_set_syntax re_syntax_options register_printf_function register_printf_modifier register_printf_specifier \
    register_printf_type renameat2 res_dnok res_gethostbyaddr res_gethostbyname res_gethostbyname2 res_hnok \
    res_mailok res_nmkquery res_nquery res_nquerydomain res_nsearch res_nsend res_ownok res_send_setqhook \
    res_send_setrhook rpmatch scalbl scandirat seed48_r sem_clockwait setcontext sethostid setipv4sourcefilter \
    setsourcefilter setstate_r sgetspent sgetspent_r sigabbrev_np sigblock sigdescr_np siggetmask significandl \
    sigreturn sigsetmask sigstack sigvec srand48_r srandom_r ssignal strerrordesc_np strerrorname_np strfromd \
    strfromf strfroml strfry strptime_l strtol_l strtoll_l strtoq strtoul_l strtoull_l strtouq swapcontext \
    sys_errlist sys_nerr sys_sigabbrev sys_siglist sysctl sysv_signal tgkill timelocal timespec_getres tmpnam_r \
    ttyslot twalk_r wcschrnul wcstod_l wcstof_l wcstol_l wcstold_l wcstoll_l wcstoq wcstoul_l wcstoull_l wcstouq \
    wmempcpy y0l y1l ynl";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_glibc_from_musl() {
        for name in [
            "__strdup",
            "__memcpy_chk",
            "__isoc23_strtol",
            "gnu_get_libc_version",
            "backtrace",
            "__res_init",
            "__fdelt_chk",
            "memcpy@GLIBC_2.14",
        ] {
            assert!(is_glibc_only(name), "{name}");
        }
        for name in
            ["printf", "__stack_chk_fail", "__isoc99_sscanf", "qsort_r", "_IO_getc", "my_chk", "__chk", "__Foo_chk"]
        {
            assert!(!is_glibc_only(name), "{name}");
        }
        assert!(is_large_file("fopen64") && !is_large_file("crc64"));
        assert_eq!(glibc_release("__isoc23_strtoul"), Some("2.38"));
        assert_eq!(glibc_release("close_range"), Some("2.34"));
        assert_eq!(glibc_release("printf"), None);
    }

    #[test]
    fn knows_what_compilers_call() {
        for name in ["__udivti3", "__muloti4", "__aarch64_ldadd4_acq_rel", "__extendhfsf2", "__cpu_model"] {
            assert!(is_compiler_helper(name), "{name}");
        }
        assert!(!is_compiler_helper("udivti3") && !is_compiler_helper("__aarch64_mine"));
    }

    #[test]
    fn finds_libraries_by_name() {
        let flags = |name| library(name).map(|library| library.flags);
        assert_eq!(flags("inflateInit2_"), Some("-lz"));
        assert_eq!(flags("SSL_CTX_new"), Some("-lssl -lcrypto"));
        assert_eq!(flags("EVP_DigestInit_ex"), Some("-lcrypto"));
        assert_eq!(flags("rd_kafka_new"), Some("-lrdkafka"));
        assert_eq!(flags("__atomic_load_16"), Some("-latomic"));
        assert_eq!(flags("animal_make_dog"), None);
        assert!(is_math("sinf") && is_math("sqrt") && is_math("powl") && !is_math("sinful"));
        assert!(is_libc("malloc") && !is_libc("mallocx"));
    }

    #[test]
    fn no_library_is_shadowed() {
        for (index, (name, _, prefixes, names)) in LIBRARIES.iter().enumerate() {
            for example in prefixes.split_ascii_whitespace().chain(names.split_ascii_whitespace()) {
                let found = library(example).map(|library| library.name);
                let earlier = LIBRARIES[..index].iter().any(|other| Some(other.0) == found);
                assert!(found == Some(name) || !earlier, "{example} of {name} is taken for {found:?}");
            }
        }
    }
}
