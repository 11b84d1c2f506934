#!/usr/bin/env bash
# Measures a provider's run: so many healthy customer tenants with light sources, by one process. Everything
# stays on loopback. Usage: bench/tenants.sh [tenants]
set -euo pipefail
cd "$(dirname "$0")/.."
tenants=${1:-500}

cargo build --release --quiet
posture=target/release/posture
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

target/release/simulator --tenants "$tenants" --devices 20 --provider "$folder/tenants.json" --no-limits \
  --tables infra/generated/tables.json > "$folder/simulator.env" &
until grep -q POSTURE_CLIENT_SECRET "$folder/simulator.env"; do sleep 0.1; done
while IFS='=' read -r name value; do export "$name=$value"; done < "$folder/simulator.env"
unset POSTURE_TENANT_ID
export POSTURE_STORAGE="file://$folder/data" POSTURE_CREDENTIAL=client-secret
export POSTURE_TENANTS="$folder/tenants.json"
export POSTURE_SOURCES=defender.exposure_score,defender.device_secure_score,defender.recommendations,defender.devices,graph.control_profiles

start=$(date +%s%N)
"$posture" collect > "$folder/collect.log" &
pid=$!
peak=0
while line=$(grep VmHWM "/proc/$pid/status" 2> /dev/null); do
  peak=$(tr -dc 0-9 <<< "$line")
  sleep 0.02
done
wait "$pid"
end=$(date +%s%N)
printf '%d tenants, %d complete jobs: %d ms, peak resident memory %d.%d MB\n' "$tenants" \
  "$(grep -c ' records in ' "$folder/collect.log")" $(((end - start) / 1000000)) \
  $((peak / 1024)) $((peak % 1024 * 10 / 1024))
