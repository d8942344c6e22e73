#!/bin/sh
# A certificate authority for the hosts, and what each of them proves itself with:
#   sh other-host/certificates.sh other-host/certs
# Run it once, on host A; run again, it replaces them all. They are good for 397 days.
set -eu
folder=$1
mkdir -p "$folder"
cd "$folder"
umask 077

cat >openssl.cnf <<'END'
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[host-b]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:host-b
[gateway]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:gateway
END

make() { # NAME OPTION...: a key, and a certificate with the extensions of its section above
  name=$1
  shift
  openssl req -x509 -config openssl.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
    -days 397 -keyout "$name.key" -out "$name.crt" "$@" 2>/dev/null
}
make ca -subj '/CN=Switchyard hosts CA' -extensions authority
make host-b -subj /CN=host-b -extensions host-b -CA ca.crt -CAkey ca.key
make gateway -subj /CN=gateway -extensions gateway -CA ca.crt -CAkey ca.key
