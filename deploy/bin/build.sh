# Builds Lockstep where that is needed; sourced after common.sh by the scripts that promise it, with $LOCKSTEP_HOME set.
# shellcheck shell=bash

# Whether a module's jar is missing or older than what it is made from.
is_stale() {
  local jar
  jar="$(module_jar "$1")"
  [[ -z "$jar" ]] && return 0
  # What was packed for another machine has no sources.
  [[ -e "$LOCKSTEP_HOME/pom.xml" ]] || return 1
  # Maven leaves a jar alone whose content did not change: the stamp says when it last looked.
  local built="$jar" stamp="$LOCKSTEP_HOME/$1/target/built"
  [[ "$stamp" -nt "$jar" ]] && built="$stamp"
  [[ -n "$(find "$LOCKSTEP_HOME"/{pom.xml,common/pom.xml,common/src/main,"$1"/pom.xml,"$1"/src/main} \
    -newer "$built" -print -quit)" ]]
}

# Builds what is missing or stale; with the CUDA build of libtorch where a driver is and the arguments do not say otherwise.
build_if_stale() {
  find_java
  if takes_gpus "$@" && lacks_cuda_natives; then
    echo "this machine has an NVIDIA driver: the CUDA build of libtorch comes along, 2.46 GB; --no-cuda leaves GPUs alone"
    build -Pcuda
  elif is_stale coordinator || is_stale worker; then
    build
  fi
}
