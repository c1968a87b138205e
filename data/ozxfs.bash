# SPDX-License-Identifier: BSD-2-Clause
# Completion of ozxfs for bash. Verbs, long options and the keys behind -o are asked of the command
# itself, so that this file need not know them.

_ozxfs_long_options() {
    "$1" ${2:+"$2"} --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]*' | sort -u
}

_ozxfs_verbs() {
    "$1" --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'
}

_ozxfs_keys() {
    "$1" "$2" --help 2>/dev/null | sed -n '/^Options for -o:/,/^$/s/^  \([a-z][a-z_]*=\{0,1\}\).*/\1/p'
}

# The last key of a list; what stands before it is typed already. ('=' splits words: no values here.)
_ozxfs_list() {
    local before=
    case $3 in *,*) before=${3%,*}, ;; esac
    mapfile -t COMPREPLY < <(compgen -P "$before" -W "$(_ozxfs_keys "$1" "$2")" -- "${3##*,}")
    compopt -o nospace 2>/dev/null
}

_ozxfs() {
    local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_ozxfs_verbs "$1") --help --version" -- "$current")
        return
    fi
    if [ "${COMP_WORDS[COMP_CWORD - 1]}" = -o ]; then
        _ozxfs_list "$1" "$verb" "$current"
        return
    fi
    case $current in
    -*)
        mapfile -t COMPREPLY < <(compgen -W "$(_ozxfs_long_options "$1" "$verb")" -- "$current")
        ;;
    *)
        compopt -o filenames 2>/dev/null
        case $verb in
        mounts) ;;
        umount)
            mapfile -t COMPREPLY < <(compgen -W "$(awk '$3 == "fuse.ozxfs" {print $2}' /proc/mounts)" \
                -- "$current")
            ;;
        *)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            ;;
        esac
        ;;
    esac
}

complete -F _ozxfs ozxfs
