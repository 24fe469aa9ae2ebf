# shellcheck shell=bash
# The bundled Mosquitto: keys, certificates, accounts and configuration in one folder, all of it for its owner only.

SM_BROKER_TEMPLATES=$SM_ROOT/deploy/mosquitto
SM_SERVER_USER=smartmeter-server
SM_CA_DAYS=3650
# Long, since a meter cannot be asked to trust it anew; renewed at a start within the last 60 days.
SM_CERTIFICATE_DAYS=825
SM_RENEW_BEFORE_S=$((60 * 86400))

# openssl talks a lot when all is well; only a failure is of interest.
quiet_openssl() {
  local output
  output=$(openssl "$@" 2>&1) || die "openssl $1 failed:" "$output"
}

new_ec_key() { quiet_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# ca_dir DIR: where the key of the authority is: beside the data folder and not in it, so that the server can be kept out.
ca_dir() {
  local data=${1%/broker}
  printf '%s' "${SMARTMETER_CA_DIR:-${data%/}.ca}"
}

# make_ca DIR: the authority's key in its own folder and ca.crt, once. A CA certificate whose key was taken away to a safe
# place is left as it is.
make_ca() {
  local dir=$1 ca
  ca=$(ca_dir "$dir")
  mkdir -p "$ca"
  chmod 0700 "$ca"
  # Older versions had it among the broker's files, where the server could read it.
  if [[ -s $dir/ca.key && ! -e $ca/ca.key ]]; then
    cp -p -- "$dir/ca.key" "$ca/ca.key.new"
    sync -- "$ca/ca.key.new"
    mv -- "$ca/ca.key.new" "$ca/ca.key"
    rm -f -- "$dir/ca.key"
  fi
  [[ -s $dir/ca.crt ]] && return 0
  new_ec_key "$ca/ca.key"
  cat >"$dir/ca.cnf" <<EOF
[req]
distinguished_name = name
x509_extensions = ca
prompt = no
[name]
CN = Smartmeter CA $(date +%Y-%m-%d)
[ca]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
EOF
  quiet_openssl req -x509 -new -sha256 -days "$SM_CA_DAYS" -config "$dir/ca.cnf" -key "$ca/ca.key" -out "$dir/ca.crt.new"
  mv -- "$dir/ca.crt.new" "$dir/ca.crt"
  rm -f -- "$dir/ca.cnf"
}

# certificate_names LAN: the subject alternative names, with LAN=yes those by which the house reaches this machine too.
certificate_names() {
  local name names='DNS:localhost,IP:127.0.0.1,IP:::1'
  name=$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)
  if [[ $name =~ ^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ && $name != localhost ]]; then
    names+=",DNS:$name"
    if [[ $1 == yes && $name != *.* ]]; then names+=",DNS:$name.local"; fi
  fi
  if [[ $1 == yes ]]; then
    for name in $(lan_addresses); do names+=",IP:$name"; done
  fi
  # By which other names meters reach it: of the machine that a container is on, or of a router.
  for name in $(tr ',' ' ' <<<"${SMARTMETER_BROKER_NAMES:-}"); do
    if [[ $name =~ ^[0-9.]+$ || $name == *:* ]]; then names+=",IP:$name"; else names+=",DNS:$name"; fi
  done
  printf '%s' "$names"
}

# This machine's addresses without loopback and link-local ones, sorted so that they compare.
lan_addresses() { hostname -I 2>/dev/null | tr ' ' '\n' | grep -vE '^$|^127\.|^fe80:|^::1$|%' | sort -u || true; }

# Whether the certificate in DIR still serves: valid for a while, from this CA, and for every name in NAMES.
certificate_serves() {
  local dir=$1 name
  [[ -s $dir/broker.crt && -s $dir/broker.key && -s $dir/broker.names ]] || return 1
  openssl x509 -in "$dir/broker.crt" -noout -checkend "$SM_RENEW_BEFORE_S" >/dev/null 2>&1 || return 1
  openssl verify -CAfile "$dir/ca.crt" "$dir/broker.crt" >/dev/null 2>&1 || return 1
  for name in ${2//,/ }; do
    [[ ,$(<"$dir/broker.names"), == *",$name,"* ]] || return 1
  done
}

# make_crl DIR: the list of revoked certificates that the broker reads, if there is none yet. False: there is none, and no key
# that could make one.
make_crl() {
  local dir=$1 ca work
  ca=$(ca_dir "$dir")
  [[ -s $dir/crl.pem ]] && return 0
  [[ -s $ca/ca.key ]] || return 1
  if [[ ! -s $ca/crl.pem ]]; then
    work=$ca/openssl
    mkdir -p "$work"
    : >"$work/index"
    echo 01 >"$work/number"
    cat >"$work/cnf" <<EOF
[ca]
default_ca = list
[list]
database = $work/index
crlnumber = $work/number
default_md = sha256
EOF
    quiet_openssl ca -config "$work/cnf" -gencrl -crldays 365 -keyfile "$ca/ca.key" -cert "$dir/ca.crt" -out "$ca/crl.pem.new"
    mv -- "$ca/crl.pem.new" "$ca/crl.pem"
    rm -rf -- "$work"
  fi
  cp -- "$ca/crl.pem" "$dir/crl.pem.new"
  mv -- "$dir/crl.pem.new" "$dir/crl.pem"
}

# make_certificate DIR LAN: broker.key and broker.crt, made anew when they would not serve any more.
make_certificate() {
  local dir=$1 names ca
  ca=$(ca_dir "$dir")
  names=$(certificate_names "$2")
  certificate_serves "$dir" "$names" && return 0
  [[ -s $ca/ca.key ]] || die "the broker needs a new certificate (it expires soon, or this machine's addresses changed)," \
    "and the key that would sign it, $ca/ca.key, is not there. Put it back, and start again."
  cat >"$dir/broker.cnf" <<EOF
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $names
EOF
  new_ec_key "$dir/broker.key.new"
  quiet_openssl req -new -key "$dir/broker.key.new" -subj '/CN=Smartmeter broker' -out "$dir/broker.csr"
  quiet_openssl x509 -req -sha256 -in "$dir/broker.csr" -CA "$dir/ca.crt" -CAkey "$ca/ca.key" \
    -set_serial "0x$(openssl rand -hex 15)" -days "$SM_CERTIFICATE_DAYS" -extfile "$dir/broker.cnf" -out "$dir/broker.crt.new"
  mv -- "$dir/broker.key.new" "$dir/broker.key"
  mv -- "$dir/broker.crt.new" "$dir/broker.crt"
  printf '%s' "$names" >"$dir/broker.names"
  rm -f -- "$dir/broker.cnf" "$dir/broker.csr"
}

# make_server_account DIR: server.password, and its hash among the passwords that the broker reads. The password passes
# through files only: what stands on a command line, every user of the machine can read.
make_server_account() {
  local dir=$1
  if [[ ! -s $dir/server.password ]]; then
    openssl rand -hex 24 >"$dir/server.password.new"
    mv -- "$dir/server.password.new" "$dir/server.password"
    if [[ -f $dir/passwords ]]; then sed -i "/^$SM_SERVER_USER:/d" "$dir/passwords"; fi
  fi
  grep -qs "^$SM_SERVER_USER:" "$dir/passwords" && return 0
  printf '%s:%s\n' "$SM_SERVER_USER" "$(<"$dir/server.password")" >"$dir/passwords.server"
  mosquitto_passwd -U "$dir/passwords.server"
  cat -- "$dir/passwords" "$dir/passwords.server" >"$dir/passwords.new" 2>/dev/null || [[ ! -e $dir/passwords ]]
  mv -- "$dir/passwords.new" "$dir/passwords"
  rm -f -- "$dir/passwords.server"
}

# How much may wait for a server that is away: a quarter of the free disk, and no more than a quarter of the memory,
# because Mosquitto keeps in memory all that it keeps on disk.
queue_bytes() {
  local free_kib memory_kib kib
  free_kib=$(df -Pk -- "$1" | awk 'NR == 2 { print $4 }')
  memory_kib=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
  kib=$((free_kib < memory_kib ? free_kib / 4 : memory_kib / 4))
  ((kib >= 65536)) || kib=65536
  printf '%s' "$((kib * 1024))"
}

# fill_template FILE NAME=VALUE...: FILE with every @NAME@ replaced.
fill_template() {
  local text pair
  text=$(<"$1")
  shift
  for pair in "$@"; do text=${text//"@${pair%%=*}@"/"${pair#*=}"}; done
  printf '%s\n' "$text"
}

# The ACL on stdin, with what the server may repeated for each connection that it can have: a client id, and so an account,
# has one connection.
server_acls() {
  awk -v user="$SM_SERVER_USER" -v connections=64 '
    $1 == "user" && $2 == user { inside = 1; next }
    inside && $1 == "topic" { rules = rules $0 "\n"; next }
    inside { inside = 0; for (i = 1; i <= connections; i++) printf "user %s%s\n%s", user, (i > 1 ? "-" i : ""), rules }
    { print }'
}

# write_broker_conf DIR LOG PLAIN_PORT TLS_PORT TLS_BIND [CERTIFICATE_PORT [PSK_PORT]]: mosquitto.conf and ACLs. A port 0
# leaves its listener out; an empty TLS_BIND is all interfaces.
write_broker_conf() {
  local dir=$1 log=$2 plain=$3 tls=$4 bind=${5:+ $5} certificate=${6:-0} psk=${7:-0}
  mkdir -p "$dir/persistence"
  if ((certificate)) && ! make_crl "$dir"; then certificate=0; fi
  printf 'password %s\ncertificate %s\npsk %s\n' "$tls" "$certificate" "$psk" >"$dir/listeners"
  # Files that the broker must find, and the server fills.
  touch -- "$dir/psk" "$dir/aliases.acl" "$dir/control.passwords"
  {
    # As root, Mosquitto would become the user `mosquitto`, who cannot read this folder, and whose files the server could
    # not replace: it runs as whoever runs the server.
    fill_template "$SM_BROKER_TEMPLATES/mosquitto.conf.in" "DIR=$dir" "LOG=$log" "USER=$(id -un)" "QUEUE_BYTES=$(queue_bytes "$dir")"
    if ((plain)); then fill_template "$SM_BROKER_TEMPLATES/listener-plain.conf.in" "DIR=$dir" "PLAIN_PORT=$plain"; fi
    if ((tls)); then fill_template "$SM_BROKER_TEMPLATES/listener-tls.conf.in" "DIR=$dir" "TLS_PORT=$tls" "TLS_BIND=$bind"; fi
    if ((certificate)); then
      fill_template "$SM_BROKER_TEMPLATES/listener-certificate.conf.in" "DIR=$dir" "PORT=$certificate" "TLS_BIND=$bind"
    fi
    if ((psk)); then fill_template "$SM_BROKER_TEMPLATES/listener-psk.conf.in" "DIR=$dir" "PORT=$psk" "TLS_BIND=$bind"; fi
    # A Unix socket's path has 107 bytes at most; without it nobody can be sure when the broker has read its files.
    if ((${#dir} < 90)); then fill_template "$SM_BROKER_TEMPLATES/listener-control.conf.in" "DIR=$dir"; fi
  } >"$dir/mosquitto.conf"
  cp -- "$SM_BROKER_TEMPLATES/plain.acl" "$dir/"
  cp -- "$SM_BROKER_TEMPLATES/control.acl" "$dir/"
  server_acls <"$SM_BROKER_TEMPLATES/tls.acl" >"$dir/tls.acl.base"
  cat -- "$dir/tls.acl.base" "$dir/aliases.acl" >"$dir/tls.acl"
}
