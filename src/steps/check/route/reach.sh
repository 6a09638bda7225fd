# Whether the addresses in $targets, `HOST PORT` a line, take connections as seen from here: prints
# `HOST PORT open|refused|filtered|unroutable|unknown` for each. curl knows best, then bash, nc and wget.
by_curl() {
  code=0
  said=$(curl -skv -o /dev/null --noproxy '*' --connect-timeout 3 -m 4 "http://$1:$2/" 2>&1) || code=$?
  case "$code $said" in
    *Connected\ to*) echo open ;;
    "7 "*) echo refused ;;
    "28 "*) echo filtered ;;
    "6 "*) echo unroutable ;;
    # An answer, or none from somebody who took the connection.
    "0 "* | "1 "* | "8 "* | "52 "* | "55 "* | "56 "*) echo open ;;
    *) echo unknown ;;
  esac
}
by_bash() {
  code=0
  said=$(timeout 3 bash -c ': </dev/tcp/$0/$1' "$1" "$2" 2>&1) || code=$?
  case "$code $said" in
    0*) echo open ;;
    124*) echo filtered ;;
    *refused*) echo refused ;;
    *"o route"* | *nreachable*) echo unroutable ;;
    *) echo unknown ;;
  esac
}
by_words() {
  case "$*" in
    0*) echo open ;;
    *refused*) echo refused ;;
    *"o route"* | *nreachable* | *"bad address"*) echo unroutable ;;
    *"timed out"*) echo filtered ;;
    *"server returned"* | *"error getting response"*) echo open ;;
    *) echo unknown ;;
  esac
}
by_nc() {
  code=0
  case $(nc --help 2>&1 || true) in
    *"-e PROG"*) said=$(nc -w 3 "$1" "$2" -e true 2>&1) || code=$? ;;
    *) said=$(nc -z -v -w 3 "$1" "$2" 2>&1) || code=$? ;;
  esac
  by_words "$code $said"
}
by_wget() {
  code=0
  said=$(wget -q -T 3 -O /dev/null "http://$1:$2/" 2>&1) || code=$?
  by_words "$code $said"
}
reach() {
  if command -v curl >/dev/null 2>&1; then by_curl "$@"
  elif command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then by_bash "$@"
  elif command -v nc >/dev/null 2>&1; then by_nc "$@"
  elif command -v wget >/dev/null 2>&1; then by_wget "$@"
  else echo unknown
  fi
}
printf '%s\n' "$targets" | while read -r host port; do
  if [ -n "$host" ]; then printf '%s %s %s\n' "$host" "$port" "$(reach "$host" "$port")"; fi
done
