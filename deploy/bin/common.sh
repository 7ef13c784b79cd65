# Shared by the scripts beside it, which source it with $bin set to this folder; needs bash.
# shellcheck shell=bash

readonly REQUIRED_JAVA=17
readonly STATUS_ENVIRONMENT=3

# Ends the script with one line: the cause, then what to do.
fail() {
  echo "lockstep: $*" >&2
  exit "$STATUS_ENVIRONMENT"
}

# The folder of the Java to use, from JAVA_HOME or else from the PATH, in $java_home.
find_java() {
  local java
  if [[ -n "${JAVA_HOME:-}" ]]; then
    [[ -x "$JAVA_HOME/bin/java" ]] || fail "JAVA_HOME is $JAVA_HOME, which has no bin/java: set it to a JDK $REQUIRED_JAVA or newer"
    java_home="$JAVA_HOME"
  else
    java="$(command -v java)" || fail "no Java found: install a JDK $REQUIRED_JAVA or newer, or set JAVA_HOME to one"
    java_home="$(dirname "$(dirname "$(readlink -f "$java")")")"
  fi
  local version
  version="$(java_version)"
  if ! [[ "$version" =~ ^[0-9]+$ ]] || ((version < REQUIRED_JAVA)); then
    fail "the Java in $java_home is version ${version:-unknown}: install a JDK $REQUIRED_JAVA or newer and set JAVA_HOME to it"
  fi
}

# Java's major version: as its folder says, which is fast, or else as it says itself. Before 9 it was called 1.8.
java_version() {
  local text
  if ! text="$(grep '^JAVA_VERSION=' "$java_home/release" 2>/dev/null)"; then
    text="$("$java_home/bin/java" -version 2>&1 | grep ' version ' || true)"
  fi
  sed -E 's/[^"]*"(1\.)?([0-9]+).*/\2/; 1q' <<<"$text"
}

# The jar of a module, or nothing where it is not built.
module_jar() {
  local jar
  for jar in "$LOCKSTEP_HOME/$1/target/lockstep-$1-"*.jar; do
    case "$jar" in
      *-tests.jar | *-sources.jar | *-javadoc.jar) ;;
      *) [[ ! -e "$jar" ]] || echo "$jar" ;;
    esac
  done | head -n 1
}

# Builds Lockstep in $LOCKSTEP_HOME; takes more options for Maven.
build() {
  local log="$LOCKSTEP_HOME/target/quickstart-build.log"
  command -v mvn >/dev/null || fail "building Lockstep needs Maven, which is not on the PATH: install it (on Debian: apt install maven)"
  [[ -x "$java_home/bin/javac" ]] || fail "building Lockstep needs a JDK, and $java_home has no bin/javac: install one and set JAVA_HOME to it"
  mkdir -p "$LOCKSTEP_HOME/target"
  echo "building Lockstep; the first time this downloads its libraries"
  # shellcheck disable=SC2016 # it is a program for awk
  local progress='
    /Building Lockstep/ { sub(/^.*Building /, ""); print "  " $0; fflush() }
    /^Downloaded from/ { if (++files % 100 == 0) { print "  " files " files downloaded"; fflush() } }
    /^Downloading from.*pytorch-native.*jar$/ { sub(/^.*\//, ""); print "  downloading " $0 ", the largest"; fflush() }'
  if ! JAVA_HOME="$java_home" mvn -B -f "$LOCKSTEP_HOME/pom.xml" -DskipTests "$@" package 2>&1 | tee "$log" | awk "$progress"; then
    grep '^\[ERROR\]' "$log" | head -n 5 >&2 || true
    echo "lockstep: the build failed: see $log" >&2
    exit 1
  fi
  touch "$LOCKSTEP_HOME"/{coordinator,worker}/target/built
}

# Whether the kernel has an NVIDIA driver, of this machine or, on WSL, of Windows.
has_nvidia_driver() {
  [[ -e /dev/nvidiactl || -e /proc/driver/nvidia/version || -e /dev/dxg ]]
}

# Whether these arguments lead to GPUs: there is a driver, and nothing in them is for the CPU alone.
takes_gpus() {
  has_nvidia_driver || return 1
  local argument before=""
  for argument in "$@"; do
    [[ "$before" == --devices ]] && argument="--devices=$argument"
    case "$argument" in
      --no-cuda | --devices=cpu:* | -h | --help) return 1 ;;
    esac
    before="$argument"
  done
}

# Whether the CUDA build of libtorch is still to be fetched: the worker's build notes where Maven has put it.
lacks_cuda_natives() {
  [[ -z "${LOCKSTEP_CUDA_NATIVES:-}" ]] || return 1
  local note="$LOCKSTEP_HOME/worker/target/cuda-natives-jar"
  [[ ! -e "$note" || ! -e "$(<"$note")" ]]
}
