#!/usr/bin/env bash
# Measures full and delta runs of the vulnerabilities on devices: time, peak resident memory and the
# largest checkpoint. Everything stays on loopback. Usage: bench/export.sh [devices] [rows per device]
set -euo pipefail
cd "$(dirname "$0")/.."
source bench/waits.sh
devices=${1:-50000}
rows=${2:-30}

cargo build --release --quiet
posture=target/release/posture
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

target/release/simulator --tenants 1 --devices "$devices" --vulnerabilities-per-device "$rows" --no-limits \
  --tables infra/generated/tables.json > "$folder/simulator.env" &
take_settings "$folder/simulator.env"
export POSTURE_STORAGE="file://$folder/data" POSTURE_CREDENTIAL=managed-identity

measure() {
  local start end pid peak=0 state=0 line size
  start=$(date +%s%N)
  "$posture" collect --source "$1" > "$folder/collect.log" &
  pid=$!
  while line=$(grep VmHWM "/proc/$pid/status" 2> /dev/null); do
    peak=$(tr -dc 0-9 <<< "$line")
    size=$(stat -c %s "$folder/data/state/$POSTURE_TENANT_ID/$1.json" 2> /dev/null || echo 0)
    state=$((size > state ? size : state))
    sleep 0.02
  done
  wait "$pid"
  end=$(date +%s%N)
  printf '%s: %s, %d ms, peak resident memory %d.%d MB, largest checkpoint %d KB\n' "$2" \
    "$(grep -o '[0-9]* records in [0-9]* pages' "$folder/collect.log")" $(((end - start) / 1000000)) \
    $((peak / 1024)) $((peak % 1024 * 10 / 1024)) $((state / 1024))
}

# Without a full snapshot, changes are asked for since a day ago.
measure defender.device_vulnerability_changes 'changes of a day'
measure defender.device_vulnerabilities 'full'
