# shellcheck shell=bash
# builds.sh - the parts that compile: unit, component, style, sanitizers, fuzzing. Sourced by tests/run.

packages_for_tests() {
    local wanted=("${PACKAGES_BUILD[@]}" libcmocka-dev) name
    for name in "$@"; do
        case $name in
        style) wanted+=(clang-format-14 shellcheck binutils scdoc groff-base systemd python3) ;;
        fuzz) wanted+=(clang llvm libclang-rt-14-dev) ;;
        packages) wanted+=(debootstrap dpkg-dev file lintian scdoc procps systemd python3-seccomp python3 python3-venv curl) ;;
        sandbox) wanted+=(systemd python3-seccomp procps curl python3 python3-venv) ;;
        unit | component | tsan) ;;
        coverage) wanted+=(gcovr python3) ;;
        real) wanted+=(python3 python3-venv curl maven) ;;
        fault | clock) wanted+=(python3 python3-venv curl openssl libfaketime) ;;
        *) wanted+=(python3 python3-venv curl openssl) ;;
        esac
    done
    packages_ensure "${wanted[@]}"
    if [[ " $* " == *" style "* ]]; then
        # Where it can't be had, the check says so.
        packages_take prometheus usr/bin/promtool build-test/tools || true
    fi
}

# build_folder FOLDER [cmake option...] - configured once, then only what changed; of all targets, or
# those in BUILD_TARGETS.
BUILD_TARGETS=()
build_folder() {
    local folder=$1
    shift
    step "build $folder" build_folder_run "$ROOT/$folder" "$@"
}

build_folder_run() {
    local folder=$1
    shift
    if [[ -f $folder/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$ROOT" "$folder/CMakeCache.txt"; then
        rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles"
    fi
    build_is_configured "$folder" "$@" || cmake -S "$ROOT" -B "$folder" -G Ninja "$@"
    ninja -C "$folder" "${BUILD_TARGETS[@]}"
}

# build_is_configured FOLDER -DNAME=VALUE... - with these options of ours; a compiler is chosen once.
build_is_configured() {
    local folder=$1 option
    [[ -f $folder/build.ninja ]] || return 1
    for option in "${@:2}"; do
        option=${option#-D}
        [[ $option != CMAKE_* ]] || continue
        grep -qE "^${option%%=*}:[A-Z]+=${option#*=}\$" "$folder/CMakeCache.txt" || return 1
    done
}

# The program that tests run has the places at which fault tests end it.
build_tests() {
    build_try build-test -DMETAOPS_FAILPOINTS=ON
}

build_try() {
    # In a subshell: step exits when a build fails, and the other parts go on.
    (build_folder "$@")
}

# part_ctest PART FOLDER LABEL - counts what cmocka counts: functions, not executables.
part_ctest() {
    local part=$1 folder=$2 label=$3
    if [[ $folder == build-test ]]; then
        build_tests || return 1
    fi
    ctest_run "$part" "$folder" "$label"
}

# ctest_run PART FOLDER LABEL [wrapper...]
ctest_run() {
    local part=$1 folder=$2 label=$3 log what name
    shift 3
    log=$LOGS/$part-$label.log
    "$@" ctest --test-dir "$folder" -L "^$label\$" -j 3 -VV >"$LOGS/$part-$label.ctest" 2>&1 || true
    cp "$folder/Testing/Temporary/LastTest.log" "$log" 2>/dev/null || : >"$log"
    while read -r what name; do
        if [[ $what == failed ]]; then
            sed -n "\\,Testing: ${name%%:*}\$,,\\,end time:,p" "$log" |
                grep -vE '^\[ +(OK|RUN) ' >"$log.part" || true
        fi
        result "$what" "$name" "$log.part"
    done < <(ctest_results "$log")
    [[ -s $log ]] || result notrun "$part ($label: ctest found nothing)"
}

# LastTest.log -> lines "passed unit/x:function".
ctest_results() {
    awk '
        # ctest calls a test without an executable passed, some lines further on.
        /^(Unable to|Could not) find executable/ { missing = 1 }
        / Testing: / { test = $NF; functions = 0; bad = missing; delete seen
                       if (missing) print "failed", test ":(no executable)"; missing = 0 }
        /^\[ +OK \] / { print "passed", test ":" $NF; functions++ }
        /^\[ +(FAILED|ERROR|SKIPPED) +\] / && !/ --- / && !/test\(s\)/ && !($NF in seen) {
            seen[$NF] = 1
            if ($2 == "SKIPPED") { print "notrun", test ":" $NF; functions++ }
            else { print "failed", test ":" $NF; bad++ }
        }
        /^Test Passed\./ && !functions && !bad { print "passed", test }
        /^Test (Failed|Timeout|Skipped|Not Run)/ && !bad { print "failed", test ":(ended early)" }' "$1"
}

part_style() {
    local log=$LOGS/style.log line name what
    build_tests || return 1
    METAOPS_BUILD_DIR=$ROOT/build-test tests/check/run >"$log" 2>&1 || true
    while IFS= read -r line; do
        # The lines below a check, up to the next, say what is wrong.
        awk -v start="$line" '$0 == start { on = 1; next } /^style\// { on = 0 } on' "$log" >"$log.part"
        read -r name what <<<"$line"
        case $what in
        passed) result passed "$name" ;;
        'not run') result notrun "$name" "$log.part" ;;
        *) result failed "$name" "$log.part" ;;
        esac
    done < <(grep '^style/' "$log")
    [[ -s $RESULTS/style ]]
}

# Tests that look at what comes out, not at times and memory, or know that it is a sanitizer's.
ASAN_TESTS=(alerts bad_input convergence dead_letters doors emitters evidence files hostile_http json_topic keys maintain meaning
    partitions positions python_client questions redaction roles row_security secrets time)

# Everything under AddressSanitizer and UBSan: unit, component, and the real stack.
part_asan() {
    local scripts=() name
    export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
    export UBSAN_OPTIONS=print_stacktrace=1
    build_try build-asan -DMETAOPS_SANITIZE=address || return 1
    ctest_run asan build-asan unit
    ctest_run asan build-asan component
    for name in "${ASAN_TESTS[@]}"; do
        scripts+=("$(script_folder "$name")")
    done
    METAOPS_TEST_SHORT=1 part_scripts_with asan build-asan "${scripts[@]}"
}

# The threads under ThreadSanitizer. Libraries that are not built for it are noise: see tsan.supp.
part_tsan() {
    export TSAN_OPTIONS="suppressions=$ROOT/tests/support/tsan.supp halt_on_error=0 second_deadlock_stack=1"
    local plain=(setarch "$(uname -m)" -R)
    "${plain[@]}" true 2>/dev/null || plain=()
    build_try build-tsan -DMETAOPS_SANITIZE=thread || return 1
    ctest_run tsan build-tsan unit "${plain[@]}"
    ctest_run tsan build-tsan component "${plain[@]}"
}

# Each target for METAOPS_FUZZ_SECONDS; what it learned stays in build-fuzz/corpus.
part_fuzz() {
    local source name log seconds=${METAOPS_FUZZ_SECONDS:-20} corpus BUILD_TARGETS
    mapfile -t BUILD_TARGETS < <(cd tests/fuzz && basename -s .c fuzz_*.c)
    build_try build-fuzz -DMETAOPS_SANITIZE=fuzzer -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ || return 1
    for source in tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        log=$LOGS/$name.log
        mkdir -p "build-fuzz/corpus/$name" build-fuzz/found
        corpus=("build-fuzz/corpus/$name")
        [[ ! -d tests/fuzz/corpus/$name ]] || corpus+=("tests/fuzz/corpus/$name")
        if "build-fuzz/tests/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
            -print_final_stats=1 -artifact_prefix="build-fuzz/found/$name-" "${corpus[@]}" >"$log" 2>&1; then
            result passed "fuzz/${name#fuzz_}"
            printf '  %-28s %s runs in %s s\n' "${name#fuzz_}" \
                "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$seconds"
        else
            result failed "fuzz/${name#fuzz_}" "$log"
        fi
    done
}

# What unit and component tests reach, with gcov; the pages are in build-coverage/html.
part_coverage() {
    local log=$LOGS/coverage.log
    build_try build-coverage -DMETAOPS_COVERAGE=ON || return 1
    find build-coverage -name '*.gcda' -delete
    ctest_run coverage build-coverage unit
    ctest_run coverage build-coverage component
    mkdir -p build-coverage/html
    # What an assertion says never happens is no branch.
    if gcovr --root "$ROOT" --exclude tests/ --exclude 'build.*' \
        --exclude-branches-by-pattern '.*\bassert\(.*' --json-summary build-coverage/summary.json \
        --html-details build-coverage/html/index.html build-coverage >"$log" 2>&1 &&
        python3 tests/support/coverage.py build-coverage/summary.json; then
        result passed coverage/report
    else
        result failed coverage/report "$log"
    fi
}

part_bench() {
    local log=$LOGS/bench.log
    if tests/bench/run ${METAOPS_BENCH_EVENTS:+--events "$METAOPS_BENCH_EVENTS"} 2>&1 | tee "$log"; then
        result passed bench
    else
        result failed bench "$log"
    fi
}
