#!/usr/bin/env bash
# certificates.sh DIR: makes a CA and with it a server certificate for localhost, 127.0.0.1 and ::1:
# ca.pem, server.pem, server.key. For trying things out on one machine, hence 30 days; the CA's own
# key is thrown away, so that nothing else can ever be signed by what a client was told to trust.
set -euo pipefail

(($# == 1)) || { printf 'usage: certificates.sh DIR\n' >&2; exit 2; }
umask 077
mkdir -p "$1"
cd "$1"
trap 'rm -f ca.key ca.srl server.csr openssl.cnf' EXIT

# A configuration of our own: what the distribution's adds to a certificate differs by version.
# Key identifiers and usage are there because strict verifiers (Python 3.13) ask for them.
cat >openssl.cnf <<'END'
[req]
prompt = no
distinguished_name = name
[name]
CN = Culvert local
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
END

quietly() {
  local output
  output="$("$@" 2>&1)" && return
  printf 'certificates.sh: openssl failed:\n%s\n' "$output" >&2
  exit 1
}

request() {
  quietly openssl req -new -config openssl.cnf -nodes \
    -newkey ec -pkeyopt ec_paramgen_curve:P-256 "$@"
}

request -x509 -days 30 -extensions ca -subj '/CN=Culvert local CA' -keyout ca.key -out ca.pem
request -subj '/CN=localhost' -keyout server.key -out server.csr
quietly openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 \
  -extfile openssl.cnf -extensions server -out server.pem
