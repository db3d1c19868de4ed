#!/usr/bin/env bash
# Brings the locked environment (uv, Python 3.10, .venv) to a machine that has nothing but bash and any Python 3.
# Quick when there is nothing to do. Every way to fail ends in one sentence that says what to do.
# `bootstrap.sh serving` (or actions, desk, training) brings what that process uses and no more, for a machine of its own.
set -euo pipefail

readonly NEEDED_GIGABYTES=8 # PyTorch brings its CUDA libraries: the whole environment is 5.5 GB
readonly UV=.tools/uv/bin/uv
readonly STAMP=.venv/haoke.stamp

give_up() {
    printf 'Haoke cannot be set up: %s\n' "$*" >&2
    exit 1
}

# Runs a command and shows that it still runs: seconds counted up on a terminal, a line now and then in a log.
patiently() {
    local title=$1 ticker status=0
    shift
    count_seconds "$title" &
    ticker=$!
    "$@" || status=$?
    kill "$ticker" 2>/dev/null || true
    wait "$ticker" 2>/dev/null || true
    if [ -t 2 ]; then printf '\n' >&2; fi
    return "$status"
}

count_seconds() {
    local started=$SECONDS every=15 line='%s ... %s s\n'
    if [ -t 2 ]; then
        every=1
        line='\r%s ... %s s '
    fi
    while :; do
        # shellcheck disable=SC2059
        if [ $(((SECONDS - started) % every)) = 0 ]; then printf "$line" "$1" "$((SECONDS - started))" >&2; fi
        sleep 1
    done
}

fingerprint() {
    printf '%s ' "${part:-whole}"
    find stand_ins -name pyproject.toml -print0 | xargs -0 cat pyproject.toml uv.lock deploy/bootstrap.sh deploy/environment.py | cksum
}

is_ready() {
    [ -x .venv/bin/python ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$(fingerprint)" ] && .venv/bin/python -c '' 2>/dev/null
}

check_disk() {
    local free
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024 / 1024) }')
    [ "$free" -ge "$NEEDED_GIGABYTES" ] ||
        give_up "the environment needs $NEEDED_GIGABYTES GB and this disk has $free GB free; make room and run the command again."
}

install_uv_with() {
    "$@" -m pip install --quiet --disable-pip-version-check --upgrade --target .tools/uv uv >.tools/uv.log 2>&1 && "$UV" --version >/dev/null
}

# Debian's python3 may lack pip, and venv with it.
get_uv() {
    "$UV" --version >/dev/null 2>&1 && return
    command -v python3 >/dev/null || give_up "there is no Python 3; install one (Debian: apt-get install python3) and run the command again."
    mkdir -p .tools
    if ! python3 -m pip --version >/dev/null 2>&1; then
        if python3 -m venv .tools/pip >/dev/null 2>&1; then
            patiently 'Fetching uv' install_uv_with .tools/pip/bin/python && return
        elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            patiently 'Installing pip' apt_install python3-pip || true
        fi
    fi
    python3 -m pip --version >/dev/null 2>&1 ||
        give_up "python3 has neither pip nor venv; install one (Debian: apt-get install python3-pip) and run the command again."
    patiently 'Fetching uv' install_uv_with python3 ||
        give_up "uv could not be fetched from PyPI ($(tail -n 1 .tools/uv.log)); check the network and run the command again."
}

apt_install() {
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@"; } >.tools/apt.log 2>&1
}

# A python3.10 on the PATH may be a pyenv shim that only complains, or a build that lacks a library: it is asked, not believed.
is_python_310() {
    "$1" -c 'import ctypes, sqlite3, ssl, sys; sys.exit(sys.version_info[:2] != (3, 10))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in python3.10 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10*/bin/python3.10; do
        if is_python_310 "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    "$UV" python find --managed-python 3.10 2>/dev/null
}

get_python() {
    find_python && return
    patiently 'Fetching Python 3.10' "$UV" python install --quiet 3.10 >&2 && find_python
}

# Compiled once, here: where Python may not write beside what it imports, it would compile at every start, for seconds.
install_environment() {
    local python
    python=$(get_python) ||
        give_up "Python 3.10 is not here and could not be fetched; install it (for example 'pyenv install 3.10') and run the command again."
    patiently "Installing the environment ($(size_of_environment))" "$UV" sync --frozen --quiet --compile-bytecode ${groups[@]+"${groups[@]}"} --python "$python" ||
        give_up "uv could not install the locked environment (its reason stands above); once that is mended, run the command again."
}

# A .pth file is what makes Python import a module whenever it starts in this environment.
write_settings() {
    local folder
    folder=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    cp deploy/environment.py "$folder/haoke_environment.py"
    printf 'import haoke_environment\n' >"$folder/haoke.pth"
}

size_of_environment() {
    case ${part:-} in
    actions | desk) echo '0.1 GB' ;;
    serving) echo '1.3 GB' ;;
    *) echo '5.5 GB' ;;
    esac
}

main() {
    part=${1:-}
    groups=()
    case $part in
    '') ;;
    actions | desk | serving | training) groups=(--no-default-groups --group "$part") ;;
    *) give_up "there is no part called '$part'; there are actions, desk, serving and training." ;;
    esac
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    mkdir -p var/logs
    if is_ready; then return; fi
    [ -x .venv/bin/python ] || check_disk
    get_uv
    install_environment
    write_settings
    fingerprint >"$STAMP"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then main "$@"; fi
