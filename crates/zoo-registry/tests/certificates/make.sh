#!/bin/sh
# Makes the certificates of the tests; run in this folder, with OpenSSL 3.0 or later.
#
#   authority.pem          an authority for tests, valid for a hundred years
#   server.pem, .key.pem   for 127.0.0.1 and localhost, signed by it, as long
#   expired.pem            the same key and names, valid on one day of 2020
#   stranger.pem           an authority that signed nothing here
#
# The authorities' keys are thrown away: nothing else can ever be signed with them.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for name in authority stranger; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
        -subj "/CN=zoo tests $name" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign -keyout "$dir/$name.key" -out "$name.pem"
done
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
    -keyout server.key.pem -out "$dir/server.csr"
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >"$dir/server.ext"
openssl x509 -req -in "$dir/server.csr" -CA authority.pem -CAkey "$dir/authority.key" \
    -days 36500 -extfile "$dir/server.ext" -out server.pem
: >"$dir/index"
echo 01 >"$dir/serial"
cat >"$dir/ca.conf" <<CONF
[ca]
default_ca = tests
[tests]
database = $dir/index
serial = $dir/serial
new_certs_dir = $dir
default_md = sha256
policy = any
[any]
commonName = supplied
CONF
openssl ca -batch -config "$dir/ca.conf" -cert authority.pem -keyfile "$dir/authority.key" \
    -in "$dir/server.csr" -extfile "$dir/server.ext" -notext \
    -startdate 20200101000000Z -enddate 20200102000000Z -out expired.pem
