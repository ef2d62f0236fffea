#!/usr/bin/env bash
# ci-setup.sh [namespaces] [nat] [engine] [chromium] - installs what those tests need, as far as this machine allows.
# Only Debian and Ubuntu as root are changed; elsewhere it says what is missing and exits 1.
# LABS_DIR (default: ../shared/labs): scripts that make NATs in network namespaces, and that run a
# container engine where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
labs=${LABS_DIR:-../shared/labs}
tools=("$@")
[ ${#tools[@]} -gt 0 ] || tools=(namespaces nat engine chromium)

say() { printf '%s\n' "$*" >&2; }

can_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install_packages() {
  say "Installing $*"
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
}

setup_namespaces() {
  if ! command -v ip >/dev/null; then
    can_install || { say 'Missing: the command "ip" (package iproute2)'; return 1; }
    install_packages iproute2
  fi
  [ "$(id -u)" = 0 ] || { say 'Missing: root, to make network namespaces'; return 1; }
}

# Command and package of what the NAT lab is made with.
NAT_TOOLS=(ip:iproute2 nft:nftables conntrack:conntrack sysctl:procps python3:python3)

setup_nat() {
  local tool missing=()
  for tool in "${NAT_TOOLS[@]}"; do
    command -v "${tool%%:*}" >/dev/null || missing+=("${tool##*:}")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    can_install || { say "Missing, to make NATs: the packages ${missing[*]}"; return 1; }
    install_packages "${missing[@]}"
  fi
  [ "$(id -u)" = 0 ] || { say 'Missing: root, to make network namespaces'; return 1; }
  [ -f "$labs/nat-lab.sh" ] || { say "Missing: the NAT lab $labs/nat-lab.sh (LABS_DIR)"; return 1; }
}

# Debian's: the driver in node_modules comes without a browser. Its network is a namespace.
setup_chromium() {
  setup_namespaces || return 1
  [ -x /usr/bin/chromium ] && return 0
  can_install || { say 'Missing: /usr/bin/chromium (package chromium)'; return 1; }
  install_packages chromium
}

has_compose() { command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1; }

setup_engine() {
  if docker info >/dev/null 2>&1 && has_compose; then return 0; fi
  if [ ! -x "$labs/docker-engine.sh" ] || ! can_install; then
    say 'Missing: a running Docker engine that this user may use, with Docker Compose'
    return 1
  fi
  "$labs/docker-engine.sh" start >&2
  eval "$("$labs/docker-engine.sh" env)"
  # Where no registry can be reached, the base image is made from packages.
  ENGINE=docker "$labs/make-base-image.sh" >&2
}

failed=0
for tool in "${tools[@]}"; do
  case $tool in
    namespaces) setup_namespaces || failed=1 ;;
    nat) setup_nat || failed=1 ;;
    engine) setup_engine || failed=1 ;;
    chromium) setup_chromium || failed=1 ;;
    *) say "unknown tool: $tool"; exit 2 ;;
  esac
done
exit "$failed"
