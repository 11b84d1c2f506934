#!/usr/bin/env bash
# Measures the README's figures on this machine, of the build that is deployed: its size, start to first
# answer, and peak memory and time of a collection of 100,000 vulnerabilities. Everything stays on loopback.
# Usage: bench/figures.sh [rows]
set -euo pipefail
cd "$(dirname "$0")/.."
source bench/waits.sh
rows=${1:-100000}
runs=50

# The binary of a package that is built already serves as well.
posture=${POSTURE_BINARY:-target/deployed/posture}
if [[ ! ${POSTURE_BINARY:-} ]]; then
  cargo build --profile deployed --quiet --package posture --no-default-features
fi
cargo build --release --quiet --package simulator
size=$(stat -c %s "$posture")
printf 'binary as deployed: %d.%02d MB\n' $((size / 1000000)) $((size % 1000000 / 10000))
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$folder"' EXIT

target/release/simulator --tenants 1 --devices 10 --vulnerabilities "$rows" --no-limits \
  --tables infra/generated/tables.json > "$folder/simulator.env" &
take_settings "$folder/simulator.env"
export POSTURE_STORAGE="file://$folder/data" POSTURE_CREDENTIAL=managed-identity

# One start: milliseconds from the process's start to its first answer.
first_answer() {
  local port=$((20000 + RANDOM % 10000)) start end last=$((SECONDS + 60))
  start=$(date +%s%N)
  FUNCTIONS_CUSTOMHANDLER_PORT=$port "$posture" > /dev/null &
  local pid=$!
  until { exec 3<> "/dev/tcp/127.0.0.1/$port"; } 2> /dev/null; do
    if ((SECONDS >= last)); then
      printf '%s: nothing listens within 60 s of the start\n' "$0" >&2
      return 1
    fi
  done
  printf 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3
  read -r -t 60 _ <&3
  end=$(date +%s%N)
  exec 3>&-
  kill "$pid"; wait "$pid" || true
  echo $(((end - start) / 10000))
}

for _ in $(seq $runs); do first_answer; done | sort -n > "$folder/starts"
median=$(sed -n "$((runs / 2))p" "$folder/starts")
worst=$(tail -n 1 "$folder/starts")
printf 'start to first answer: median %d.%02d ms, worst of %d %d.%02d ms\n' \
  $((median / 100)) $((median % 100)) $runs $((worst / 100)) $((worst % 100))

start=$(date +%s%N)
"$posture" collect --source defender.vulnerabilities > "$folder/collect.log" &
pid=$!
peak=0
while line=$(grep VmHWM "/proc/$pid/status" 2> /dev/null); do
  peak=$(tr -dc 0-9 <<< "$line")
  sleep 0.005
done
wait "$pid"
end=$(date +%s%N)
kept=$(grep -o '[0-9]* records in [0-9]* pages' "$folder/collect.log")
printf '%s: %d ms, peak resident memory %d.%d MB\n' "$kept" \
  $(((end - start) / 1000000)) $((peak / 1024)) $((peak % 1024 * 10 / 1024))
