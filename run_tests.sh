#!/usr/bin/env bash
# Sets up what is missing, builds, and runs the tests. The last line says "N passed, N failed"; the
# exit status is the verdict. docs/testing.md describes the parts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=scripts/setup.sh
. scripts/setup.sh

usage() {
    cat <<'EOT'
usage: ./run_tests.sh [--quick | --all]
  (nothing)  quick and full tests; quick ones under AddressSanitizer and UBSan; those of the rooms
             that compute under ThreadSanitizer; everything compiled by clang too
             (about 35 minutes on two cores)
  --quick    quick tests of the development build only
  --all      as without, and long tests, clang-tidy, cppcheck, the release build, and a short run
             of each fuzzer (longer still)
VOXLABEL_REAL_SCANS names a folder of CT scans (NAME.nii.gz) with masks (NAME.mask.nii.gz) for the
tests that use them; VOX_JOBS the number of jobs at once; VOX_NO_INSTALL=1 keeps apt out of it.
EOT
}

mode=default
case "${1:-}" in
"") ;;
--quick) mode=quick ;;
--all) mode=all ;;
-h | --help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
[ $# -le 1 ] || {
    usage >&2
    exit 2
}

results=$PWD/build/results
# Without detect_stack_use_after_return: gcc 12 then misaligns 64-byte vectors (GCC bug 110027).
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-second_deadlock_stack=1}

# check NAME COMMAND...: counts a command as one test.
check() {
    local name=$1
    shift
    if "$@"; then
        printf 'passed %s\n' "$name" >>"$results/checks.txt"
    else
        printf 'failed %s\n' "$name" >>"$results/checks.txt"
        printf '%s failed\n' "$name" >&2
        return 1
    fi
}

configure_and_build() {
    cmake --preset "$1" -DVOX_WERROR=ON -DVOX_PYTHON="$PWD/.venv/bin/python3" \
        -DVOX_REAL_SCANS="$scans" >"build/$1-configure.log" 2>&1 || {
        cat "build/$1-configure.log"
        return 1
    }
    cmake --build "build/$1" --parallel "$(jobs)"
}

build() {
    say "Building $1"
    check "build $1" configure_and_build "$1"
}

# run_ctest PRESET PART ARGUMENTS...: results go to results/PRESET-PART.xml.
run_ctest() {
    local preset=$1 part=$2 failed=0 prefix=()
    shift 2
    # Sanitizers of this compiler cannot work with every layout that address randomisation gives.
    if [ "$preset" != dev ] && setarch -R true 2>/dev/null; then
        prefix=(setarch -R)
    fi
    say "Testing $preset, $part"
    "${prefix[@]}" ctest --test-dir "build/$preset" --no-tests=error --output-on-failure \
        --test-output-size-passed 65536 \
        --output-junit "$results/$preset-$part.xml" "$@" || failed=1
    # What went wrong outside the tests themselves.
    if [ "$failed" = 1 ] &&
        ! grep -q 'status="\(fail\|notrun\)"' "$results/$preset-$part.xml" 2>/dev/null; then
        printf 'failed ctest %s %s\n' "$preset" "$part" >>"$results/checks.txt"
    fi
}

# One file a process: with several, the analyzer of version 14 takes every va_list after the first
# file for uninitialised.
run_tidy() {
    git ls-files 'src/*.c' 'bench/*.c' |
        xargs -P "$(jobs)" -n 1 clang-tidy-14 --quiet -p build/clang --warnings-as-errors='*' 2>&1 |
        sed -E '/^[0-9]+ warnings? generated\.$/d'
}

run_cppcheck() {
    cppcheck -j "$(jobs)" --std=c11 -D_GNU_SOURCE -DVOX_HAVE_ONEDNN -Isrc -Iinclude --quiet \
        --enable=warning,performance,portability --inline-suppr --error-exitcode=1 src
}

run_release() {
    build release && check "release version" build/release/src/app/voxlabel version
}

# run_fuzzer NAME COMMAND...: what it prints is of interest only where it found something.
run_fuzzer() {
    local log=build/fuzz/found/$1.log
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 60 "$log"
        return 1
    }
}

# Twenty seconds of each fuzz target, with its corpus read but not grown.
run_fuzzers() {
    local target name bad=0
    for target in build/fuzz/tests/fuzz/fuzz_*; do
        [ -x "$target" ] && [ -f "$target" ] || continue
        name=$(basename "$target")
        mkdir -p "build/fuzz/found/$name"
        say "Fuzzing $name"
        check "$name" run_fuzzer "$name" "$target" -max_total_time=20 -rss_limit_mb=4096 -verbosity=0 \
            -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/found/$name" \
            "tests/fuzz/corpora/${name#fuzz_}" || bad=1
    done
    return $bad
}

scans=
if [ -n "${VOXLABEL_REAL_SCANS:-}" ]; then
    scans=$(cd "$VOXLABEL_REAL_SCANS" && pwd) || fail "VOXLABEL_REAL_SCANS names no folder"
fi

install_packages "${BUILD_PACKAGES[@]}" "${CHECK_PACKAGES[@]}"
[ "$mode" != all ] || install_packages "${LONG_CHECK_PACKAGES[@]}"
make_venv
rm -rf "$results"
mkdir -p "$results"

if build dev; then
    run_ctest dev quick -L '^quick$' -j "$(jobs)"
    if [ "$mode" != quick ]; then
        # One at a time: each uses all cores and much memory.
        run_ctest dev full -L '^full$' -LE '^quick$'
    fi
    if [ "$mode" = all ]; then
        run_ctest dev all -L '^all$' -LE '^(quick|full)$'
    fi
fi
if [ "$mode" != quick ]; then
    if build asan; then
        run_ctest asan quick -L '^quick$' -LE '^gates$' -j "$(jobs)"
    fi
    if build tsan; then
        # The rooms that compute or serve, and the program being interrupted.
        # Sweeps of failing allocations take one thread and long; one client at a time meets no race.
        run_ctest tsan quick -L '^quick$' \
            -E 'faults|^server/(monailabel_client|slicer|ohif|annotation_life|serving)$' \
            -R '^(tensor|model|pipeline|library|store|server)/|^app/(interrupt|narrow256_checkpoint)' -j "$(jobs)"
    fi
    build clang || true
fi
if [ "$mode" = all ]; then
    say "clang-tidy"
    check clang-tidy run_tidy || true
    say "cppcheck"
    check cppcheck run_cppcheck || true
    run_release || true
    if build fuzz; then
        run_fuzzers || true
    fi
fi

say "Summary"
exec .venv/bin/python3 scripts/summarize_tests.py "$results"
