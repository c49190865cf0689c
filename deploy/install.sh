#!/usr/bin/env bash
# install.sh [--prefix DIR] [--unitdir DIR]: installs the programs of build/bin (deploy/build.sh
# makes them), the systemd units, the system user `culvert` and an example configuration. It enables
# and starts nothing, and keeps a configuration that is there. DESTDIR is put before every path, for
# packaging: then the running system is not touched, and the package has to make the user.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"
prefix=/usr/local
unitdir=/etc/systemd/system
destination="${DESTDIR:-}"
units=(culvert-relay.service culvert-relay.socket culvert-control.service)
configuration=/etc/culvert

die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

usage() { printf 'usage: [DESTDIR=DIR] install.sh [--prefix DIR] [--unitdir DIR]\n'; }

usage_error() {
  printf 'install.sh: %s\n' "$1" >&2
  usage >&2
  exit 2
}

parse_arguments() {
  while (($# > 0)); do
    case "$1" in
      --prefix=* | --unitdir=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
      --prefix | --unitdir)
        [[ ${2:-} =~ ^/[A-Za-z0-9._/+-]*$ ]] || usage_error "$1 takes an absolute path"
        [[ $1 != --prefix ]] || prefix="${2%/}"
        [[ $1 != --unitdir ]] || unitdir="${2%/}"
        shift 2
        ;;
      -h | --help) usage; exit 0 ;;
      *) usage_error "unknown argument $1" ;;
    esac
  done
}

install_programs() {
  local program found=
  install -d "$destination$prefix/bin"
  for program in "$root"/build/bin/culvert*; do
    [[ -f $program && -x $program ]] || continue
    # install replaces the file, so that a running relay keeps its own.
    install -m 755 "$program" "$destination$prefix/bin/"
    found=yes
  done
  [[ -n $found ]] || die "no program in build/bin; run deploy/build.sh first"
}

# A fixed user rather than a dynamic one: its group is what may read keys and certificates, which
# stay reloadable files.
create_user() {
  install -D -m 644 "$here/systemd/culvert.sysusers" \
    "$destination$prefix/lib/sysusers.d/culvert.conf"
  [[ -z $destination ]] || return 0
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers "$prefix/lib/sysusers.d/culvert.conf"
  elif ! getent passwd culvert >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir /var/lib/culvert \
      --shell /usr/sbin/nologin culvert
  fi
}

# $1: file of the example; it becomes readable for the relay's group, since it may hold secrets.
install_example() {
  local target="$destination$configuration/$1"
  [[ ! -e $target ]] || return 0
  install -m 640 "$here/systemd/$1" "$target"
  [[ -n $destination ]] || chgrp culvert "$target"
}

install_configuration() {
  install -d -m 750 "$destination$configuration"
  [[ -n $destination ]] || chgrp culvert "$configuration"
  install_example relay.yaml
  install_example relay.env
  install_example control.env
}

install_units() {
  local unit
  install -d "$destination$unitdir"
  for unit in "${units[@]}"; do
    sed "s|/usr/local/bin/|$prefix/bin/|g" "$here/systemd/$unit" >"$destination$unitdir/$unit"
    chmod 644 "$destination$unitdir/$unit"
  done
  [[ -n $destination || ! -d /run/systemd/system ]] || systemctl daemon-reload
}

print_next_steps() {
  cat <<END
Installed in $destination$prefix/bin. Next:
  edit $configuration/relay.yaml and $configuration/relay.env
  systemctl enable --now culvert-relay.service
or, for socket activation, both at once; systemd refuses the socket of a service that runs already:
  systemctl enable --now culvert-relay.socket culvert-relay.service
To steer relays from one place, on the machine of the control service:
  edit $configuration/control.env
  install -d -o culvert -g culvert -m 700 /var/lib/culvert-control
  setpriv --reuid culvert --regid culvert --clear-groups \
    $prefix/bin/culvert-control init --data /var/lib/culvert-control --name THIS.HOST
  systemctl enable --now culvert-control.service
and on each relay, with a token of \`culvert relay join-token\`, before it is started:
  setpriv --reuid culvert --regid culvert --clear-groups \
    $prefix/bin/culvert-relay join --state-dir /var/lib/culvert --control HOST:7443 --token TOKEN
To uninstall:
  systemctl disable --now ${units[*]}
  rm -f $prefix/bin/culvert $prefix/bin/culvert-relay $prefix/bin/culvert-control
  rm -f $prefix/lib/sysusers.d/culvert.conf ${units[*]/#/$unitdir/}
  rm -rf $configuration /var/lib/culvert /var/lib/culvert-control; userdel culvert
END
}

parse_arguments "$@"
[[ -n $destination ]] || ((EUID == 0)) || die "run as root, or set DESTDIR"
install_programs
create_user
install_configuration
install_units
print_next_steps
