# SPDX-License-Identifier: BSD-2-Clause
# Completion of ozxfs for bash. Verbs and long options are asked of the command itself, so that this
# file need not know them.

_ozxfs_long_options() {
    "$1" ${2:+"$2"} --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u
}

_ozxfs_verbs() {
    "$1" --help 2>/dev/null | sed -n '/^Verbs:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'
}

_ozxfs() {
    local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_ozxfs_verbs "$1") --help --version" -- "$current")
        return
    fi
    case $current in
    -*)
        mapfile -t COMPREPLY < <(compgen -W "$(_ozxfs_long_options "$1" "$verb")" -- "$current")
        ;;
    *)
        compopt -o filenames 2>/dev/null
        case $verb in
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
