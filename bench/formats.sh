#!/usr/bin/env bash
# Measures what open formats cost: the same export of the vulnerabilities on devices collected without them, with
# Parquet and with OCSF: time, CPU, peak resident memory, and the bytes of each beside the records'. Everything stays on
# loopback. Usage: bench/formats.sh [devices] [rows per device] [cargo profile]; 50000 × 30 rows of a release by default,
# the short form is `bench/formats.sh 2000 30`.
set -euo pipefail
cd "$(dirname "$0")/.."
source bench/waits.sh
devices=${1:-50000}
rows=${2:-30}
profile=${3:-release}
source=defender.device_vulnerabilities

cargo build --profile "$profile" --quiet
built=target/$([ "$profile" = dev ] && echo debug || echo "$profile")
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

"$built/simulator" --tenants 1 --devices "$devices" --vulnerabilities-per-device "$rows" --no-limits \
  --tables infra/generated/tables.json > "$folder/simulator.env" &
take_settings "$folder/simulator.env"
export POSTURE_CREDENTIAL=managed-identity

bytes() { find "$1" -type f "${@:2}" -printf '%s\n' 2> /dev/null | awk '{ sum += $1 } END { printf "%.1f", sum / 1e6 }'; }

measure() {
  local start end pid peak=0 cpu=0 line data=$folder/$1
  start=$(date +%s%N)
  POSTURE_STORAGE="file://$data" "$built/posture" collect --source "$source" > "$folder/collect.log" &
  pid=$!
  while line=$(grep VmHWM "/proc/$pid/status" 2> /dev/null); do
    peak=$(tr -dc 0-9 <<< "$line")
    cpu=$(awk '{ print ($14 + $15) * 10 }' "/proc/$pid/stat" 2> /dev/null || echo "$cpu")
    sleep 0.02
  done
  wait "$pid"
  end=$(date +%s%N)
  printf '%s: %s, %d ms, CPU %d ms, peak resident memory %d.%d MB; records %s MB, files %s MB\n' "$1" \
    "$(grep -o '[0-9]* records in [0-9]* pages' "$folder/collect.log")" $(((end - start) / 1000000)) "$cpu" \
    $((peak / 1024)) $((peak % 1024 * 10 / 1024)) "$(bytes "$data/records")" "$(bytes "$data/$2")"
  rm -rf "$data"
}

measure records none
POSTURE_PARQUET=on measure parquet parquet
POSTURE_OCSF=2002 measure ocsf findings
