# Looks at the machine and changes nothing. One object of JSON comes out: the name of a fact, and its
# lines. What a fact means is decided on the other side.
#
# hosts: what has to be reached for an installation, blanks between
# questions: the script that is run with as many rights as there are

tab=$(printf '\t')

# tell FACT: the lines of the standard input
tell() {
    tr "$tab" ' ' | awk -v fact="$1" '{ print fact "\t" $0 }'
}

# ask SHELL...: what it makes of the questions
ask() {
    printf '%s' "$questions" | "$@"
}

outside() {
    id -u | tell uid
    printf '%s\n' "${SSH_CONNECTION:-}" | tell connection
    if [ "$(id -u)" = 0 ]; then
        echo root | tell sudo
        ask sh -s -- "$hosts"
    elif refusal=$(sudo -n true 2>&1); then
        echo free | tell sudo
        ask sudo -n sh -s -- "$hosts"
    else
        printf '%s\n' "$refusal" | tell sudo
        ask sh -s -- "$hosts"
    fi
}

# Control characters have no place in a fact, and what is left is escaped as JSON wants it.
as_json() {
    tr -d '\000-\010\013-\037\177' |
        sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' |
        awk '
            BEGIN { ORS = ""; print "{" }
            {
                at = index($0, "\t")
                fact = substr($0, 1, at - 1)
                if (fact != last) {
                    if (last != "") print "],"
                    print "\"" fact "\":["
                    last = fact
                } else {
                    print ","
                }
                print "\"" substr($0, at + 1) "\""
            }
            END { if (last != "") print "]"; print "}\n" }
        '
}

outside | as_json
