#!/usr/bin/env bash
# Installs what building (`build`) or building and testing (`test`) needs on a bare Debian 12 or 13.
# Called by build.sh and test.sh; says nothing and changes nothing when nothing is missing.
# private_packages.sh unpacks into the build tree what is not installed: the source of Debian 13's
# mbedTLS, which the build compiles with a configuration of its own, and, since Debian 12 has no
# llhttp 9.2 and installing Debian 13's would move libraries of the system, that one there.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(dirname "$here")"

build_packages=(cmake ninja-build g++ ccache pkg-config python3 openssl ca-certificates curl
  libuv1-dev libc-ares-dev libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev
  prometheus-cpp-dev zlib1g-dev libsimdjson-dev libprotobuf-dev protobuf-compiler libgrpc++-dev
  protobuf-compiler-grpc libsqlite3-dev libcpp-httplib-dev libcurl4-openssl-dev libssl-dev dpkg-dev)
private_packages=(src:mbedtls)
# clang alone leaves out the sanitizers' and libFuzzer's run time, which are only recommended by it.
# tinyproxy-bin is tinyproxy without its daemon; with lsof mbedTLS's ssl-opt.sh sees when a server
# listens, which it otherwise waits two seconds for.
test_packages=(libgtest-dev libbenchmark-dev nginx-light libnginx-mod-stream haproxy tinyproxy-bin
  microsocks clang libclang-rt-dev git iproute2 python3-websockets lsof)

die() { printf 'dependencies.sh: %s\n' "$*" >&2; exit 1; }

debian_release() {
  local ID='' VERSION_ID=''
  # shellcheck source=/dev/null
  . /etc/os-release
  case "$ID:$VERSION_ID" in
    debian:12 | debian:13) printf '%s' "$VERSION_ID" ;;
    *) die "this is ${ID:-unknown} ${VERSION_ID:-unknown}; Debian 12 or 13 is needed" ;;
  esac
}

installed() {
  [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" == installed ]]
}

# The end to end tests run the vendors' npm packages, which want Node.js 18 or newer; one that is
# there from elsewhere stays, since its package conflicts with Debian's npm.
node_is_there() {
  local version
  command -v npm >/dev/null && version="$(node --version 2>/dev/null)" || return 1
  version="${version#v}"
  ((${version%%.*} >= 18))
}

as_root() {
  if ((EUID == 0)); then
    env "$@"
  else
    # sudo clears the environment, and with it the proxy that apt may need.
    sudo env ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} \
      ${no_proxy:+"no_proxy=$no_proxy"} "$@"
  fi
}

# Runs apt or dpkg work quietly; what it wrote is shown only when it fails.
logged() {
  mkdir -p "$root/build"
  local log="$root/build/dependencies.log"
  "$@" </dev/null >"$log" 2>&1 && return
  tail -n 40 "$log" >&2
  return 1
}

apt_get() {
  as_root DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o Dpkg::Use-Pty=0 \
    -o DPkg::Lock::Timeout=300 "$@"
}

# A package such as nginx starts its daemon on installation; policy-rc.d is Debian's way to say no.
# One that is there already belongs to somebody else, and stays.
policy=/usr/sbin/policy-rc.d
policy_is_ours=
forbid_services() {
  [[ -e $policy ]] && return
  policy_is_ours=yes
  # shellcheck disable=SC2016
  as_root sh -c 'printf "#!/bin/sh\nexit 101\n" >"$1" && chmod 755 "$1"' sh "$policy"
}
restore_services() {
  [[ -z $policy_is_ours ]] || as_root rm -f "$policy"
  policy_is_ours=
}

# The tests run nginx themselves, on ports of their own: it has no business at the next boot.
disable_nginx() {
  logged as_root update-rc.d nginx disable || die "nginx was installed but not disabled"
}

install_packages() {
  ((EUID == 0)) || command -v sudo >/dev/null || die "root or sudo is needed to install: $*"
  ((EUID == 0)) || sudo -v || die "sudo is needed to install: $*"
  printf 'Installing: %s\n' "$*" >&2
  local had_nginx=yes
  command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] || had_nginx=
  # A foreign source that is down must not stop the build while Debian's own answers.
  logged apt_get update || printf 'dependencies.sh: apt-get update failed; trying on\n' >&2
  trap restore_services EXIT
  forbid_services
  logged apt_get install --no-install-recommends "$@" || die "apt-get could not install: $*"
  [[ -n $had_nginx || ! -x /usr/sbin/nginx ]] || disable_nginx
  restore_services
}

main() {
  local release wanted=() missing=() package
  release="$(debian_release)"
  wanted=("${build_packages[@]}")
  if ((release >= 13)); then wanted+=(libllhttp-dev); else private_packages+=(libllhttp-dev); fi
  case "${1:-}" in
    build) ;;
    test)
      wanted+=("${test_packages[@]}")
      node_is_there || wanted+=(nodejs npm)
      ;;
    *) printf 'usage: dependencies.sh build|test\n' >&2; exit 2 ;;
  esac
  for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
  done
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
  "$here/private_packages.sh" trixie "$root/build/deps" "${private_packages[@]}"
}

main "$@"
