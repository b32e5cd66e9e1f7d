#!/bin/sh
# Prints the migrations that ship in the version of the workspace, for charts/releases.toml: those that no release before had.
set -eu

cd "$(dirname "$0")/.."
list=charts/releases.toml
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

printf '\n[[release]]\nversion = "%s"\n[release.migrations]\n' "$version"
for file in libs/postgres/migrations/*.sql services/*/migrations/*.sql; do
  grep -qF "\"$file\"" "$list" || printf '"%s" = "%s"\n' "$file" "$(sha256sum "$file" | cut -d ' ' -f 1)"
done
