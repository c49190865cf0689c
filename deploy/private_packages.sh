#!/usr/bin/env bash
# private_packages.sh SUITE DIR PACKAGE…: unpacks packages of a Debian release into DIR: binary ones
# to DIR/usr; src:NAME, a source package with Debian's patches applied, to DIR/src/NAME.
# apt downloads and verifies them as ever, but with lists, cache and state of its own inside DIR, so
# the machine's sources and installed packages stay as they are and no privilege is needed.
# The mirror is the one that the machine already uses; the signature must be Debian's archive key.
# A stamp in DIR makes a second run do nothing; removing DIR fetches what is newest.
set -euo pipefail

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() { printf 'private_packages.sh: %s\n' "$*" >&2; exit 1; }

# The repository of the machine's own Debian sources with that label, "" if there is none. apt
# itself is asked, so that both forms of its sources and mirror lists are understood; Origin and
# Label come from the signed Release files, so other vendors' sources are told apart.
mirror_of() {
  local line
  # shellcheck disable=SC2016
  line="$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' "Label: $1" |
    grep -v '^cdrom:' | grep ' main$' || true)"
  line="${line%%$'\n'*}"
  line="${line% main}"
  printf '%s' "${line%/}"
}

# Without downloaded lists (container images remove them) apt cannot say which source is Debian's:
# it downloads them once more here, into DIR, with the machine's sources.
mirrors() {
  main_mirror="$(mirror_of Debian)"
  if [[ -z $main_mirror ]]; then
    local apt_lists="$work/machine"
    mkdir -p "$apt_lists/partial"
    printf 'Dir::State::lists "%s";\nAPT::Sandbox::User "root";\n' "$apt_lists" >"$work/apt.conf"
    export APT_CONFIG="$work/apt.conf"
    logged apt-get update || true
    main_mirror="$(mirror_of Debian)"
    security_mirror="$(mirror_of Debian-Security)"
    unset APT_CONFIG
  else
    security_mirror="$(mirror_of Debian-Security)"
  fi
  [[ -n $main_mirror ]] && return
  [[ ! -f $work/log ]] || grep '^[EW]:' "$work/log" >&2 || true
  die "none of apt's sources answered as Debian's main archive; it gives the mirror's address"
}

logged() { "$@" </dev/null >"$work/log" 2>&1; }

# The machine's apt.conf (proxies, certificates) stays in force; its sources and pins do not.
private_apt() {
  apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o "Dir::Etc::sourceparts=$work/none" \
    -o "Dir::Etc::preferences=$work/none.pref" -o "Dir::Etc::preferencesparts=$work/none" \
    -o "Dir::State::lists=$work/lists" -o "Dir::State::status=/dev/null" \
    -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root -o APT::Default-Release= "$@"
}

write_sources() {
  local kind options="[signed-by=$keyring]"
  for kind in ${binaries:+deb} ${sources:+deb-src}; do
    printf '%s %s %s %s main\n' "$kind" "$options" "$main_mirror" "$suite"
    [[ -z $1 ]] || printf '%s %s %s %s-security main\n' "$kind" "$options" "$1" "$suite"
  done >"$work/sources.list"
}

update() {
  write_sources "$1"
  logged private_apt -o APT::Update::Error-Mode=any update
}

# Newer fixes come from the security archive; a mirror that lacks it must not stop the build.
download_lists() {
  if [[ -n $security_mirror ]]; then
    update "$security_mirror" && return
    printf 'private_packages.sh: no %s-security from %s, going on without\n' "$suite" \
      "$security_mirror" >&2
  fi
  update '' && return
  cat "$work/log" >&2
  ! grep -q NO_PUBKEY "$work/log" ||
    die "$keyring is older than Debian $suite; upgrade the package debian-archive-keyring"
  die "no signed list of Debian $suite from $main_mirror"
}

# $1: directory to download into; then a command of apt-get with its arguments.
download() (
  mkdir -p "$1" && cd "$1"
  logged private_apt "${@:2}" && return
  cat "$work/log" >&2
  die "Debian $suite at $main_mirror did not give ${packages[*]}"
)

# Only headers and static libraries are of use: the .so links point at files that are not unpacked.
unpack_binaries() {
  local deb
  download "$work/debs" download "${binaries[@]}"
  for deb in "$work"/debs/*.deb; do
    dpkg-deb -x "$deb" "$work/tree"
  done
  find "$work/tree" -name '*.so' -type l -delete
  rm -rf "${directory:?}/usr"
  mv "$work/tree/usr" "$directory/usr"
}

# The description file's hash is in the signed list, and it holds the hashes of the archives.
unpack_source() {
  download "$work/$1" source --download-only --only-source "$1"
  if ! logged dpkg-source -x "$work/$1"/*.dsc "$work/$1/tree"; then
    cat "$work/log" >&2
    die "the source package $1 could not be unpacked"
  fi
  rm -rf "${directory:?}/src/$1"
  mkdir -p "$directory/src"
  mv "$work/$1/tree" "$directory/src/$1"
}

there() {
  local name
  [[ "$(cat "$stamp" 2>/dev/null)" == "$wanted" ]] || return
  [[ ${#binaries[@]} -eq 0 || -d $directory/usr ]] || return
  for name in "${sources[@]}"; do
    [[ -d $directory/src/$name ]] || return
  done
}

(($# >= 3)) || { printf 'usage: private_packages.sh SUITE DIR PACKAGE...\n' >&2; exit 2; }
suite="$1"
directory="$2"
packages=("${@:3}")
binaries=()
sources=()
for package in "${packages[@]}"; do
  case "$package" in
    src:*) sources+=("${package#src:}") ;;
    *) binaries+=("$package") ;;
  esac
done
stamp="$directory/stamp"
wanted="$suite $(dpkg --print-architecture) ${packages[*]}"
! there || exit 0

printf 'Unpacking from Debian %s: %s\n' "$suite" "${packages[*]}" >&2
[[ -r $keyring ]] || die "$keyring is missing; install the package debian-archive-keyring"
mkdir -p "$directory"
directory="$(cd "$directory" && pwd)"
work="$directory/work"
rm -rf "$work" "$stamp"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/none"
trap 'rm -rf "$work"' EXIT
mirrors
download_lists
((${#binaries[@]} == 0)) || unpack_binaries
for source in "${sources[@]}"; do
  unpack_source "$source"
done
printf '%s\n' "$wanted" >"$stamp"
