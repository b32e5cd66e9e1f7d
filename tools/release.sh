#!/bin/sh
# Prints what ships in the version of the workspace, for charts/releases.toml: the migrations that no release before had, and the digest
# of the contracts.
set -eu

cd "$(dirname "$0")/.."
list=charts/releases.toml
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)

contracts=$(sha256sum charts/anjia/files/descriptors.binpb | cut -d ' ' -f 1)
printf '\n[[release]]\nversion = "%s"\ncontracts = "%s"\n[release.migrations]\n' "$version" "$contracts"
for file in libs/postgres/migrations/*.sql services/*/migrations/*.sql; do
  grep -qF "\"$file\"" "$list" || printf '"%s" = "%s"\n' "$file" "$(sha256sum "$file" | cut -d ' ' -f 1)"
done
