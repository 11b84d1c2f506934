# What the measurements here wait for, and for how long: each of them sources this. A wait that comes to nothing says so
# and fails, rather than hold up whoever asked.

# Tries a command every 10 ms until it succeeds, for a minute. $1: what is waited for.
wait_for() {
  local what=$1 end=$((SECONDS + 60))
  shift
  until "$@" 2> /dev/null; do
    if ((SECONDS >= end)); then
      printf '%s: %s did not come within 60 s\n' "$0" "$what" >&2
      exit 1
    fi
    sleep 0.01
  done
}

# Takes the settings that a simulator writes once it listens into the environment. $1: the file that it writes.
take_settings() {
  local name value
  wait_for 'the simulator' grep -q POSTURE_CLIENT_SECRET "$1"
  while IFS='=' read -r name value; do export "$name=$value"; done < "$1"
}

# Succeeds once a port of this machine takes a connection.
listens() { (exec 3<> "/dev/tcp/127.0.0.1/$1"); }
