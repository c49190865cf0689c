#!/usr/bin/env bash
# up.sh [--relays N] [--regions A,B,…] [--demo [--once]]: builds Culvert and runs a control service
# and relays that have joined it on loopback, with generated certificates, then prints URLs, a
# token, a curl line and how to point `culvert` at it; Ctrl-C stops all. --demo also starts the
# model server of the tests, applies it as an upstream and streams one chat through the first relay,
# so that the main job is seen without an account; --once ends after that chat, with status 0 if it
# arrived whole. Everything it makes lives in one directory under build/, gone when it ends.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
bin="$root/build/bin"
servers=()
addresses=()
relays=1
regions=(local)
demo=
once=

die() { printf 'up.sh: %s\n' "$*" >&2; exit 1; }

usage() {
  cat <<'END'
usage: deploy/up.sh [--relays N] [--regions A,B,...] [--demo [--once]]
  --relays N   how many relays, 1 to 16 (default 1)
  --regions    their regions, in turn (default local)
  --demo       also run the tests' model server and stream one chat from it through a relay
  --once       end after that chat
END
}

usage_error() {
  printf 'up.sh: %s\n' "$1" >&2
  usage >&2
  exit 2
}

parse_arguments() {
  while (($# > 0)); do
    case "$1" in
      --relays=* | --regions=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
      --relays)
        [[ ${2:-} =~ ^([1-9]|1[0-6])$ ]] || usage_error "--relays takes a number from 1 to 16"
        relays="$2"
        shift 2
        ;;
      --regions)
        [[ ${2:-} =~ ^[a-z0-9-]+(,[a-z0-9-]+)*$ ]] ||
          usage_error "--regions takes names of lower-case letters, digits and '-', with commas"
        IFS=, read -r -a regions <<<"$2"
        shift 2
        ;;
      --demo) demo=yes; shift ;;
      --once) once=yes; shift ;;
      -h | --help) usage; exit 0 ;;
      *) usage_error "unknown argument $1" ;;
    esac
  done
  [[ -z $once || -n $demo ]] || usage_error "--once goes with --demo"
}

# The programs get a moment to finish their streams; a second Ctrl-C does not wait for that.
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
# have said it, and is quoted if it does not. An address that was said to listen for the scheme $4
# is left in `address`.
read_until() {
  local said=''
  while IFS= read -r -t 60 -u "$1" line; do
    said+="$line"$'\n'
    [[ ! $line =~ $2 ]] || return 0
    [[ ! $line =~ \"scheme\":\ ?\"$4\".*\"address\":\ ?\"([^\"]+)\" ]] ||
      address="${BASH_REMATCH[1]}"
  done
  printf '%s' "$said" >&2
  die "$3 did not start"
}

# What a server says after its start goes to one log; a full pipe must not stop it.
keep_log() {
  cat <&"$1" >>"$directory/log" &
}

start_control() {
  local line address='' output fifo="$directory/control.fifo"
  "$bin/culvert-control" init --data "$directory/control" --name localhost --name 127.0.0.1 \
    >"$directory/init" || die "the control service could not be set up"
  [[ "$(<"$directory/init")" =~ (cvo_[A-Za-z0-9]+) ]] || die "init printed no operator's token"
  export CULVERT_TOKEN="${BASH_REMATCH[1]}" CULVERT_CA="$directory/control/ca.pem"
  start "$fifo" "$bin/culvert-control" run --data "$directory/control" --listen 127.0.0.1:0 \
    --web-listen 127.0.0.1:0
  exec {output}<"$fifo"
  read_until "$output" '"msg": ?"ready"' "the control service" grpc
  [[ -n $address ]] || die "the control service named no address"
  export CULVERT_SERVER="localhost:${address##*:}"
  keep_log "$output"
}

# $1: number of the relay
start_relay() {
  local line address='' output name="relay-$1" region="${regions[$((($1 - 1) % ${#regions[@]}))]}"
  local state="$directory/relay-$1" join settings
  join="$("$bin/culvert" relay join-token --region "$region" --output json)"
  [[ $join =~ (cvj_[A-Za-z0-9]+\.[0-9a-f]+) ]] || die "no join token came: $join"
  settings=("CULVERT_STATE_DIR=$state" CULVERT_LISTEN=https://127.0.0.1:0
    CULVERT_ADMIN_LISTEN=127.0.0.1:0 "CULVERT_TLS_CERT=$directory/server.pem"
    "CULVERT_TLS_KEY=$directory/server.key" CULVERT_DRAIN_TIMEOUT=5s
    "SSL_CERT_FILE=$directory/ca.pem")
  env "${settings[@]}" "$bin/culvert-relay" join --control "$CULVERT_SERVER" --name "$name" \
    --token "${BASH_REMATCH[1]}" >>"$directory/log" || die "$name could not join"
  start "$directory/$name.fifo" env "${settings[@]}" "$bin/culvert-relay"
  exec {output}<"$directory/$name.fifo"
  read_until "$output" '"msg": ?"ready"' "$name" https
  [[ -n $address ]] || die "$name named no address"
  addresses+=("$address")
  keep_log "$output"
}

start_model_server() {
  local line address='' output fifo="$directory/model.fifo"
  start "$fifo" python3 "$root/tests/fakes/model_server.py" --port 0 \
    --cert "$directory/server.pem" --key "$directory/server.key"
  exec {output}<"$fifo"
  read_until "$output" '"listening":' "the model server" none
  [[ $line =~ \"listening\":\ ?\"[^\"]*:([0-9]+)\" ]] || die "the model server named no port: $line"
  model_port="${BASH_REMATCH[1]}"
  cat <&"$output" >/dev/null &
}

# The model server takes the place of the preset `openai`, so that the URL is the one that people
# know.
apply_demo() {
  "$bin/culvert" apply -f - --message "the demo's upstream" >>"$directory/log" <<END
kind: Upstream
name: openai
spec:
  targets: [{url: "https://localhost:$model_port"}]
---
kind: KeyPool
name: openai
spec:
  upstream: openai
  keys: [sk-demo-$(openssl rand -hex 12)]
END
}

make_client_token() {
  local made
  made="$("$bin/culvert" token create demo --tenant demo --output json)"
  [[ $made =~ (cvt_[A-Za-z0-9]+) ]] || die "no client token came: $made"
  token="${BASH_REMATCH[1]}"
}

# The request that the curl line makes: the demo's chat, or the page that says what the relay
# offers.
make_request() {
  request=(--cacert "$directory/ca.pem" -H "Authorization: Bearer $token")
  [[ -z ${https_proxy:-}${HTTPS_PROXY:-}${all_proxy:-}${ALL_PROXY:-} ]] || request+=(--noproxy '*')
  if [[ -n $demo ]]; then
    request+=(-N -H 'Content-Type: application/json' -d
      '{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello!"}]}'
      "https://${addresses[0]}/openai/v1/chat/completions")
  else
    request+=("https://${addresses[0]}/")
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
  local i word
  printf '\nCulvert is up. Ctrl-C stops it.\n\n'
  for ((i = 0; i < relays; i++)); do
    printf '  relay-%d  https://%s  (%s)\n' "$((i + 1))" "${addresses[i]}" \
      "${regions[$((i % ${#regions[@]}))]}"
  done
  printf '  token    %s\n\n  curl' "$token"
  for word in "${request[@]}"; do
    [[ $word =~ ^[A-Za-z0-9_./:=@-]+$ ]] || word="${word@Q}"
    printf ' %s' "$word"
  done
  printf '\n\nTo steer it, in another terminal:\n\n'
  printf '  export CULVERT_SERVER=%s CULVERT_CA=%s CULVERT_TOKEN=%s\n' \
    "$CULVERT_SERVER" "$CULVERT_CA" "$CULVERT_TOKEN"
  printf '  %s relay list\n\nThe log of all of them:\n' "$bin/culvert"
}

parse_arguments "$@"
"$here/build.sh" >&2
directory="$(mktemp -d "$root/build/up.XXXXXX")"
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
: >"$directory/log"
"$here/certificates.sh" "$directory"
start_control
for ((number = 1; number <= relays; number++)); do start_relay "$number"; done
make_client_token
if [[ -n $demo ]]; then
  start_model_server
  apply_demo || { cat "$directory/log" >&2; die "the demo's upstream could not be applied"; }
fi
make_request
if [[ -n $demo ]]; then
  stream_chat || { cat "$directory/log" >&2; die "the demo's chat failed; the log is above"; }
  [[ -z $once ]] || exit 0
fi
print_summary
# From here on being told to stop is how it is meant to end.
trap 'exit 0' INT TERM HUP
tail -n +1 -f "$directory/log" &
servers+=("$!")
status=0
wait -n "${servers[@]}" || status=$?
die "one of the programs ended with status $status"
