# Set-up shared by run_tests.sh and start_server.sh, which source it. It does nothing twice.
# shellcheck shell=bash

# What the program and its tests are built with; docs/dependencies.md says what each is for.
BUILD_PACKAGES=(
    build-essential cmake ninja-build pkg-config python3
    libdnnl-dev libcmocka-dev libjansson-dev libyaml-dev libdeflate-dev zlib1g-dev libpng-dev
    libgnutls28-dev libcurl4-gnutls-dev libmicrohttpd-dev libzip-dev
)
# What only the checks need.
CHECK_PACKAGES=(
    python3-venv binutils clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 cppcheck
    openssl
    man-db mandoc zsh fish
    file
)
# What only the long checks need.
LONG_CHECK_PACKAGES=(debootstrap lintian)

say() {
    printf '\n== %s\n' "$*"
}

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

jobs() {
    printf '%s' "${VOX_JOBS:-$(nproc)}"
}

# Installs the named Debian packages that are missing. VOX_NO_INSTALL=1 leaves that to the caller,
# for systems without apt; docs/dependencies.md lists what is needed.
install_packages() {
    local package missing=() as_root=()
    [ -z "${VOX_NO_INSTALL:-}" ] || return 0
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        fail "no apt here; install what docs/dependencies.md lists and set VOX_NO_INSTALL=1"
    fi
    for package in "$@"; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        # A password can be asked for only where somebody can answer.
        if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && [ ! -t 0 ]; }; then
            fail "missing packages: ${missing[*]}; run as root: apt-get install ${missing[*]}"
        fi
        as_root=(sudo)
    fi
    say "Installing ${missing[*]}"
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# A Python that can make virtual environments and is new enough for tests/requirements.txt.
find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or later with the modules venv and ensurepip; install python3-venv"
}

# Makes .venv with tests/requirements.txt. The stamp names all that the result depends on.
make_venv() {
    local python stamp
    python=$(find_python)
    stamp="$PWD $("$python" --version) $(sha256sum tests/requirements.txt)"
    if [ -x .venv/bin/python3 ] && [ "$(cat .venv/stamp 2>/dev/null)" = "$stamp" ]; then
        return
    fi
    say "Making .venv for the tests' oracles"
    rm -rf .venv
    "$python" -m venv .venv
    .venv/bin/python3 -m pip install --quiet --disable-pip-version-check --no-deps \
        -r tests/requirements.txt
    printf '%s\n' "$stamp" >.venv/stamp
}
