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
