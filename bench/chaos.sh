#!/usr/bin/env bash
# Kills the real process at drawn instants while it collects into Azurite and a simulated workspace, and
# prints what was hit, lost and repeated. Everything stays on loopback. Usage: bench/chaos.sh [kills]
set -euo pipefail
cd "$(dirname "$0")/.."

# Built with the release profile: the binary under test, the simulator and the harness alike.
POSTURE_CHAOS_KILLS=${1:-1000} RUST_BACKTRACE=0 cargo test --release --quiet --test all \
  chaos::kills -- --nocapture
