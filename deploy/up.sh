#!/usr/bin/env bash
# up.sh [--demo] [--once]: builds Culvert and runs a relay on loopback with generated certificates,
# then prints its URL, a token and a curl line; Ctrl-C stops it. --demo also starts the model server
# of the tests as an upstream and streams one chat through the relay, so that the main job is seen
# without an account; --once ends after that chat, with status 0 if it arrived whole.
# Everything it makes lives in one directory under build/, gone when it ends.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
servers=()
demo=
once=

die() { printf 'up.sh: %s\n' "$*" >&2; exit 1; }

usage() {
  cat <<'END'
usage: deploy/up.sh [--demo [--once]]
  --demo  also run the tests' model server and stream one chat from it through the relay
  --once  end after that chat
END
}

parse_arguments() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --demo) demo=yes ;;
      --once) once=yes ;;
      -h | --help) usage; exit 0 ;;
      *) printf 'up.sh: unknown argument %s\n' "$argument" >&2; usage >&2; exit 2 ;;
    esac
  done
  [[ -z $once || -n $demo ]] || { printf 'up.sh: --once goes with --demo\n' >&2; exit 2; }
}

# The relay gets a moment to finish its streams; a second Ctrl-C does not wait for that.
# shellcheck disable=SC2317
stop() {
  trap 'kill -KILL "${servers[@]}" 2>/dev/null || true' INT TERM HUP
  ((${#servers[@]} == 0)) || kill -TERM "${servers[@]}" 2>/dev/null || true
  wait || true
  rm -rf "$directory"
}

# A server's output comes through a FIFO, so that its start is waited for without looking again and
# again. $1: FIFO; the rest: the command. Its process id is the last of `servers`.
start() {
  local fifo="$1"
  shift
  mkfifo "$fifo"
  "$@" >"$fifo" 2>&1 &
  servers+=("$!")
}

# Reads lines from file descriptor $1 until one matches $2, leaves it in `line`; $3 is who should
# have said it, and is quoted if it does not.
read_until() {
  local said=''
  while IFS= read -r -t 60 -u "$1" line; do
    said+="$line"$'\n'
    [[ ! $line =~ $2 ]] || return 0
    [[ ! $line =~ \"scheme\":\ ?\"https\".*\"address\":\ ?\"([^\"]+)\" ]] ||
      address="${BASH_REMATCH[1]}"
  done
  printf '%s' "$said" >&2
  die "$3 did not start"
}

start_model_server() {
  local line fifo="$directory/model" output
  start "$fifo" python3 "$root/tests/fakes/model_server.py" --port 0 \
    --cert "$directory/server.pem" --key "$directory/server.key"
  exec {output}<"$fifo"
  read_until "$output" '"listening":' "the model server"
  [[ $line =~ \"listening\":\ ?\"[^\"]*:([0-9]+)\" ]] || die "the model server named no port: $line"
  relay_settings+=("PROXY_OPENAI_TARGET=https://localhost:${BASH_REMATCH[1]}"
    "OPENAI_API_KEYS=sk-demo-$(openssl rand -hex 12)" "SSL_CERT_FILE=$directory/ca.pem")
  # Nobody reads on: a full pipe must not stop the server.
  cat <&"$output" >/dev/null &
}

start_relay() {
  local line fifo="$directory/relay"
  relay_settings+=(CULVERT_LISTEN=https://127.0.0.1:0 CULVERT_ADMIN_LISTEN=127.0.0.1:0
    "CULVERT_TLS_CERT=$directory/server.pem" "CULVERT_TLS_KEY=$directory/server.key"
    "CULVERT_STATE_DIR=$directory" CULVERT_DRAIN_TIMEOUT=5s "AUTH_TOKEN=$token")
  start "$fifo" env "${relay_settings[@]}" "$root/build/bin/culvert-relay"
  relay="${servers[-1]}"
  exec {relay_output}<"$fifo"
  read_until "$relay_output" '"msg": ?"ready"' "the relay"
  [[ -n ${address:-} ]] || die "the relay named no address"
}

# The request that the curl line makes: the demo's chat, or the page that says what the relay
# offers.
make_request() {
  request=(--cacert "$directory/ca.pem" -H "Authorization: Bearer $token")
  [[ -z ${https_proxy:-}${HTTPS_PROXY:-}${all_proxy:-}${ALL_PROXY:-} ]] || request+=(--noproxy '*')
  if [[ -n $demo ]]; then
    request+=(-N -H 'Content-Type: application/json' -d
      '{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello!"}]}'
      "https://$address/openai/v1/chat/completions")
  else
    request+=("https://$address/")
  fi
}

# Both run in the background, so that a signal ends the wait at once.
stream_chat() {
  mkfifo "$directory/chat"
  printf 'One chat through the relay:\n\n'
  curl -sS --max-time 60 "${request[@]}" >"$directory/chat" &
  servers+=("$!")
  local status=0
  python3 "$here/print_chat.py" <"$directory/chat" &
  wait "$!" || status=$?
  wait "${servers[-1]}" || status=$?
  unset 'servers[-1]'
  return "$status"
}

print_summary() {
  printf '\nCulvert is up. Ctrl-C stops it.\n\n'
  printf '  URL    https://%s\n  token  %s\n\n  curl' "$address" "$token"
  local word
  for word in "${request[@]}"; do
    [[ $word =~ ^[A-Za-z0-9_./:=@-]+$ ]] || word="${word@Q}"
    printf ' %s' "$word"
  done
  printf "\n\nThe relay's log:\n"
}

parse_arguments "$@"
"$here/build.sh" >&2
directory="$(mktemp -d "$root/build/up.XXXXXX")"
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
"$here/certificates.sh" "$directory"
token="$(openssl rand -hex 24)"
relay_settings=()
[[ -z $demo ]] || start_model_server
start_relay
make_request
if [[ -n $demo ]]; then
  stream_chat || { cat <&"$relay_output" >&2 & die "the demo's chat failed; the relay's log:"; }
  [[ -z $once ]] || exit 0
fi
print_summary
# From here on being told to stop is how it is meant to end.
trap 'exit 0' INT TERM HUP
cat <&"$relay_output" &
status=0
wait "$relay" || status=$?
die "the relay ended with status $status"
