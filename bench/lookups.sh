#!/usr/bin/env bash
# Measures look-ups of a big tenant on this machine: one device's card, one vulnerability and lists, live and out
# of kept snapshots, cold and warm, with the peak memory of the process that answers. Everything stays on loopback.
# Usage: bench/lookups.sh [devices] [vulnerabilities of each device] [cargo profile]
set -euo pipefail
cd "$(dirname "$0")/.."
source bench/waits.sh
devices=${1:-50000}
each=${2:-30}
profile=${3:-release}
folder_of=$([ "$profile" = dev ] && echo debug || echo "$profile")

cargo build --profile "$profile" --quiet
posture=target/$folder_of/posture
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

target/$folder_of/simulator --tenants 1 --devices "$devices" --vulnerabilities-per-device "$each" --no-limits \
  --tables infra/generated/tables.json > "$folder/simulator.env" &
take_settings "$folder/simulator.env"
export POSTURE_STORAGE="file://$folder/data" POSTURE_CREDENTIAL=managed-identity
# The workspace isn't what is measured.
unset POSTURE_LOGS_RULES

start=$(date +%s%N)
for source in defender.devices defender.vulnerabilities defender.device_vulnerabilities; do
  "$posture" collect --source "$source" > /dev/null
done
printf '%d devices with %d rows each kept in %d ms\n' "$devices" "$each" $((($(date +%s%N) - start) / 1000000))

port=$((20000 + RANDOM % 10000))
FUNCTIONS_CUSTOMHANDLER_PORT=$port "$posture" > /dev/null &
service=$!
wait_for "the service" listens "$port"

# The value of a field in an answer: the first one of that name.
field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

# One call: its path and query, and what it is.
ask() {
  local ms status
  read -r status ms < <(curl -s -o "$folder/answer" -w '%{http_code} %{time_total}\n' "http://127.0.0.1:$port/api/$1")
  printf '%-58s %s  %8.1f ms  %d bytes\n' "$2" "$status" "$(awk "BEGIN { print $ms * 1000 }")" \
    "$(stat -c %s "$folder/answer")"
}

# The median of fifty calls.
median() {
  for _ in $(seq 50); do
    curl -s -o /dev/null -w '%{time_total}\n' "http://127.0.0.1:$port/api/$1"
  done | sort -n | sed -n 25p | awk -v what="$2" '{ printf "%-58s      %8.2f ms\n", what, $1 * 1000 }'
}

ask 'devices?top=50' 'list of devices, first page (kept)'
mapfile -t ids < <(grep -o '"id":"[0-9a-f]*"' "$folder/answer" | cut -d '"' -f 4)
ask "devices/${ids[7]}" 'card, cold: first look-up after the start'
ask "devices/${ids[8]}" 'card, live: six look-ups'
median "devices/${ids[8]}" 'card, warm: from memory, median of 50'
ask "devices/${ids[9]}?kept=true" 'card, kept: scans'
cve=$(field id < <(grep -o '"worst":{[^}]*}' "$folder/answer"))
ask "cves/$cve" 'vulnerability, live'
median "cves/$cve" 'vulnerability, warm, median of 50'
ask "cves/$cve?kept=true" "vulnerability, kept: a scan of $((devices * each)) rows"
ask "devices?cve=$cve" "devices with a vulnerability: the same scan"
ask 'devices/profiles' 'profiles (kept)'
peak=$(awk '/VmHWM/ { print $2 }' "/proc/$service/status")
printf 'peak resident memory %d.%d MB\n' $((peak / 1024)) $((peak % 1024 * 10 / 1024))
