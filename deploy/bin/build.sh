# Builds Lockstep where that is needed; sourced after common.sh by the scripts that promise it, with $LOCKSTEP_HOME set.
# shellcheck shell=bash

# Whether a module's jar is missing or older than what it is made from.
is_stale() {
  local jar
  jar="$(module_jar "$1")"
  [[ -z "$jar" ]] && return 0
  # Maven leaves a jar alone whose content did not change: the stamp says when it last looked.
  local built="$jar" stamp="$LOCKSTEP_HOME/$1/target/built"
  [[ "$stamp" -nt "$jar" ]] && built="$stamp"
  [[ -n "$(find "$LOCKSTEP_HOME"/{pom.xml,common/pom.xml,common/src/main,"$1"/pom.xml,"$1"/src/main} \
    -newer "$built" -print -quit)" ]]
}

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
  if ! JAVA_HOME="$java_home" mvn -B -f "$LOCKSTEP_HOME/pom.xml" -DskipTests package 2>&1 | tee "$log" | awk "$progress"; then
    grep '^\[ERROR\]' "$log" | head -n 5 >&2 || true
    echo "lockstep: the build failed: see $log" >&2
    exit 1
  fi
  touch "$LOCKSTEP_HOME"/{coordinator,worker}/target/built
}

build_if_stale() {
  find_java
  if is_stale coordinator || is_stale worker; then
    build
  fi
}
