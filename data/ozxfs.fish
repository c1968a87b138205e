# SPDX-License-Identifier: BSD-2-Clause
# Completion of ozxfs for fish. Verbs, options, keys and values are asked of the command itself.

function __ozxfs_words
    commandline -opc
end

function __ozxfs_verb
    set -l words (__ozxfs_words)
    test (count $words) -gt 1; and echo $words[2]
end

# "verb<TAB>what it does"
function __ozxfs_verbs
    set -l words (__ozxfs_words)
    $words[1] --help 2>/dev/null | string match -rg '^  ([a-z]+ +\S.*)$' | string replace -r '^([a-z]+) +' '$1\t' |
        string match -rv '^ozxfs\t'
    echo -e 'help\tthe options of a verb'
end

# "--option<TAB>help" and "-o"
function __ozxfs_options
    set -l words (__ozxfs_words)
    $words[1] (__ozxfs_verb) --help 2>/dev/null |
        string match -rg '^  (?:-., |    )(--[a-z][a-z-]+)(?:[ =]\S+)? *(.*)$' | while read -l option
            read -l help
            printf '%s\t%s\n' $option $help
        end
end

# The last key of a list; what stands before it is typed already.
function __ozxfs_keys
    set -l words (__ozxfs_words)
    set -l before (string match -r '^.*,' -- (commandline -ct))
    $words[1] (__ozxfs_verb) --help 2>/dev/null | sed -n '/^Options for -o:/,/^$/s/^  \([a-z][a-z_]*=\{0,1\}\).*/\1/p' |
        string replace -r '^' -- "$before"
end

# The first archive on the line.
function __ozxfs_archive
    set -l words (__ozxfs_words)
    for word in $words[3..-1]
        set -l path (string replace -r '^~/' -- "$HOME/" $word)
        string match -q -- '-*' $word; or begin
            test -f "$path"; and echo $path; and return 0
        end
    end
    return 1
end

# Entries of that archive, in the directory that is typed. The last one that was listed is kept for as long as the
# archive stays as it is.
function __ozxfs_entries
    set -l words (__ozxfs_words)
    set -l archive (__ozxfs_archive); or return
    set -l before (string match -r '^.*/' -- (commandline -ct))
    set -q before[1]; or set before '' # a list of nothing would make nothing of each name
    set -l state (stat -Lc %d:%i:%s:%y -- $archive 2>/dev/null)/$before
    if test "$__ozxfs_listed_of" != "$state"
        set -g __ozxfs_listed_of $state
        set -g __ozxfs_listed ($words[1] ls -l -- $archive $before 2>/dev/null |
            string replace -rf '^(d?)\S* +\S+ \S+ (.*)$' '$2/$1' | string replace -r '/d$' // | string replace -r '/$' '')
    end
    set -q __ozxfs_listed[1]; and printf '%s\n' $before$__ozxfs_listed
end

function __ozxfs_mounts
    string match -r '^\S+ \S+ fuse\.ozxfs .*' </proc/mounts | string replace -r '^\S+ (\S+) .*' '$1' |
        string replace -a '\\040' ' '
end

function __ozxfs_previous_is
    set -l words (__ozxfs_words)
    contains -- $words[-1] $argv
end

function __ozxfs_has_archive
    contains -- (__ozxfs_verb) ls cat unpack edit add; and __ozxfs_archive >/dev/null
end

complete -c ozxfs -n '__fish_use_subcommand' -f -a '(__ozxfs_verbs)'
complete -c ozxfs -n '__fish_use_subcommand' -f -a '--help --version'
complete -c ozxfs -n '__fish_seen_subcommand_from help' -f -a '(__ozxfs_verbs)'
complete -c ozxfs -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__ozxfs_options)'
complete -c ozxfs -n '__ozxfs_previous_is -o' -f -a '(__ozxfs_keys)'
complete -c ozxfs -n '__ozxfs_previous_is --rules' -f -a 'r2 draft'
complete -c ozxfs -n '__ozxfs_previous_is --manifest' -f -a 'sha256 zarr-checksum'
complete -c ozxfs -n '__fish_seen_subcommand_from umount' -f -a '(__ozxfs_mounts)'
complete -c ozxfs -n '__ozxfs_has_archive' -f -a '(__ozxfs_entries)'
