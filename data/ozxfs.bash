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

# The first archive on the line: as it is typed, so that a backslash may be in front of a blank.
_ozxfs_archive() {
    local word
    for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
        word=${word//\\/}
        [[ $word != \~/* ]] || word=$HOME/${word:2}
        if [[ $word != -* && -f $word ]]; then
            printf '%s' "$word"
            return
        fi
    done
    return 1
}

# Entries of that archive, in the directory that is typed; a directory has a slash at its end. What was listed is
# kept, to a size, for as long as the archive stays as it is: listing takes half a second in an archive of a million
# entries.
declare -gA _ozxfs_listed=()
declare -g _ozxfs_listed_of=
_ozxfs_entries() { # COMMAND ARCHIVE TYPED: into COMPREPLY
    local before='' state names all
    case $3 in */*) before=${3%/*}/ ;; esac
    state=$(stat -Lc %d:%i:%s:%y -- "$2" 2>/dev/null) || return
    [ "$_ozxfs_listed_of" = "$state" ] || _ozxfs_listed=()
    _ozxfs_listed_of=$state
    names=${_ozxfs_listed[/$before]}
    if [ -z "$names" ]; then
        names=$("$1" ls -l -- "$2" "$before" 2>/dev/null |
            sed -E 's,^(d?)[^ ]* +[^ ]+ [^ ]+ (.*)$,\2/\1,; s,/d$,//,; s,/$,,')
        all=${_ozxfs_listed[*]}
        [ $((${#all} + ${#names})) -gt 4000000 ] || _ozxfs_listed[/$before]=$names
    fi
    mapfile -t COMPREPLY < <(before=$before typed=$3 awk '
        index(ENVIRON["before"] $0, ENVIRON["typed"]) == 1 {print ENVIRON["before"] $0}' <<<"$names")
}

_ozxfs_mounts() { # TYPED
    local point
    awk '$3 == "fuse.ozxfs" {gsub(/\\040/, " ", $2); print $2}' /proc/mounts |
        while IFS= read -r point; do
            case $point in "$1"*) printf '%s\n' "$point" ;; esac
        done
}

_ozxfs() {
    local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} archive
    local previous=${COMP_WORDS[COMP_CWORD - 1]}

    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_ozxfs_verbs "$1") --help --version" -- "$current")
        return
    fi
    if [ "$current" = = ]; then
        current=
        previous=${COMP_WORDS[COMP_CWORD - 1]}
    elif [ "$previous" = = ]; then
        previous=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $previous in
    -o)
        _ozxfs_list "$1" "$verb" "$current"
        return
        ;;
    --rules)
        mapfile -t COMPREPLY < <(compgen -W 'r2 draft' -- "$current")
        return
        ;;
    --manifest)
        mapfile -t COMPREPLY < <(compgen -W 'sha256 zarr-checksum' -- "$current")
        return
        ;;
    esac
    case $current in
    -*)
        mapfile -t COMPREPLY < <(compgen -W "$(_ozxfs_long_options "$1" "$verb")" -- "$current")
        ;;
    *)
        compopt -o filenames 2>/dev/null
        case $verb in
        mounts) ;;
        umount)
            mapfile -t COMPREPLY < <(_ozxfs_mounts "${current//\\/}")
            ;;
        ls | cat | unpack | edit | add)
            if archive=$(_ozxfs_archive); then
                _ozxfs_entries "$1" "$archive" "${current//\\/}"
                case ${COMPREPLY[*]} in */) compopt -o nospace 2>/dev/null ;; esac
            fi
            if [ -z "$archive" ] || [ "$verb" = unpack ] || [ "$verb" = add ]; then
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current")
            fi
            ;;
        help)
            mapfile -t COMPREPLY < <(compgen -W "$(_ozxfs_verbs "$1")" -- "$current")
            ;;
        *)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            ;;
        esac
        ;;
    esac
}

complete -F _ozxfs ozxfs
