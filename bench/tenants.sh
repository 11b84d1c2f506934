#!/usr/bin/env bash
# Measures a provider's run: so many healthy customer tenants with all light sources (those that take no turn,
# docs/limits.md), by one process, against services that enforce their documented limits. Prints how long it
# took, how long the limits make it take at least, and the ratio. Everything stays on loopback.
# Usage: bench/tenants.sh [tenants] [sources, comma separated] [documented|off]
set -euo pipefail
cd "$(dirname "$0")/.."
source bench/waits.sh
tenants=${1:-1000}
light=graph.secure_scores,graph.secure_score_controls,graph.control_profiles,graph.alerts,graph.incidents
light+=,graph.risky_users,graph.risk_detections,graph.cloud_apps,defender.exposure_score
light+=,defender.device_secure_score,defender.recommendations,defender.vulnerabilities,defender.devices
light+=,defender.exposure_score_by_group,defender.software,defender.machine_actions,azure.subscriptions
light+=,azure.secure_scores,azure.secure_score_controls,azure.control_definitions
light+=,azure.compliance_standards,azure.compliance_controls
sources=${2:-$light}
limits=${3:-documented}

cargo build --release --quiet
posture=target/release/posture
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

flags=()
if [ "$limits" = off ]; then flags=(--no-limits); fi
target/release/simulator --tenants "$tenants" --devices 20 --provider "$folder/tenants.json" "${flags[@]}" \
  --tables infra/generated/tables.json > "$folder/simulator.env" &
simulator=$!
take_settings "$folder/simulator.env"
unset POSTURE_TENANT_ID
export POSTURE_STORAGE="file://$folder/data" POSTURE_CREDENTIAL=client-secret
export POSTURE_TENANTS="$folder/tenants.json" POSTURE_SOURCES="$sources" POSTURE_LIMITS="$limits"

start=$(date +%s%N)
"$posture" collect > "$folder/collect.log" &
pid=$!
peak=0
cpu=0
while line=$(grep VmHWM "/proc/$pid/status" 2> /dev/null); do
  peak=$(tr -dc 0-9 <<< "$line")
  cpu=$(awk '{ print ($14 + $15) * 10 }' "/proc/$pid/stat" 2> /dev/null || echo "$cpu")
  sleep 0.05
done
wait "$pid" || echo "not every job is complete"
end=$(date +%s%N)
simulator_cpu=$(awk '{ print ($14 + $15) * 10 }' "/proc/$simulator/stat")
lines=$(wc -l < "$folder/simulator.env")
kill -INT "$simulator"
wait "$simulator" || true
tail -n "+$((lines + 1))" "$folder/simulator.env" > "$folder/end.json"
printf '%d tenants, %d complete jobs: peak resident memory %d.%d MB, CPU %d ms (the simulator %d ms)\n' \
  "$tenants" "$(grep -c ' records in ' "$folder/collect.log")" \
  $((peak / 1024)) $((peak % 1024 * 10 / 1024)) "$cpu" "$simulator_cpu"
node -e '
const { limits, received } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
const wall = Number(process.argv[2]);
for (const [kind, of] of Object.entries(limits))
  console.log(`  ${kind}: ${of.calls} calls, ${of.refused} refused, the busiest ${of.most}: ${of.least_ms} ms at least`);
const least = Math.max(0, ...Object.values(limits).map((of) => of.least_ms));
const ratio = least ? `, ratio ${(wall / least).toFixed(2)}` : "";
console.log(`${received.requests} requests to the workspace; ${wall} ms, the limits allow ${least} ms${ratio}`);
' "$folder/end.json" $(((end - start) / 1000000))
