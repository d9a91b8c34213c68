#!/usr/bin/env bash
# Prepares the real editor that `npm run test:editor` drives: VS Code as npm's code-server packs it, on the Node that it
# wants, and Debian's Chromium. All in one cache folder, about 550 MiB; what is there already is kept.
#   setup.sh FOLDER     writes FOLDER/tools.json, which run.ts reads; status 3: not possible on this machine, with the reason
set -euo pipefail

code_server=4.139.1 # holds VS Code 1.139.1
node=24.21.0        # what that version runs on; npm's node-linux-* packages carry the headers for the native builds, too

cache=${1:?a cache folder}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
exec 9>"$cache/.lock"
flock 9

say() { echo "test/editor: $*" >&2; }

case $(uname -m) in
  x86_64) platform=linux-x64 ;;
  aarch64) platform=linux-arm64 ;;
  *) say "no code-server for $(uname -m)"; exit 3 ;;
esac

install_system_packages() {
  local -A package_of=([chromium]=chromium [g++]=g++ [make]=make [python3]=python3 [cpp]=cpp)
  local missing=() command
  for command in "${!package_of[@]}"; do
    command -v "$command" >/dev/null || missing+=("${package_of[$command]}")
  done
  # Without any font the workbench has no text to click on.
  if ! fc-list 2>/dev/null | grep -q .; then missing+=(fontconfig fonts-dejavu-core); fi
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "missing, and only root can install them with apt-get: ${missing[*]}"
    exit 3
  fi
  say "apt-get install ${missing[*]}"
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# Packages without their install scripts: those of code-server refuse other Nodes than theirs, or compile what no test uses.
npm_add() {
  (cd "$1" && shift && npm install --ignore-scripts --omit=dev --save-exact --no-audit --no-fund --loglevel=error "$@" >&2)
}

is_done() { [ "$(cat "$cache/$1.done" 2>/dev/null)" = "$2" ]; }

begin() {
  say "$1"
  rm -rf "${cache:?}/$1" "$cache/$1.done"
  mkdir -p "$cache/$1"
  echo '{ "private": true }' >"$cache/$1/package.json"
}

node_folder=$cache/node/node_modules/node-$platform
server_folder=$cache/code-server/node_modules/code-server

install_node() {
  is_done node "$node" && return
  begin node
  npm_add "$cache/node" "node-$platform@$node"
  echo "$node" >"$cache/node.done"
}

install_code_server() {
  is_done code-server "$code_server $node" && return
  begin code-server
  # npm and node-gyp on the new Node, with its headers: a module built for another Node does not load.
  export PATH="$node_folder/bin:$PATH" npm_config_nodedir="$node_folder"
  npm_add "$cache/code-server" "code-server@$code_server"
  # VS Code's own dependencies; its skipped install script would have fetched them.
  npm_add "$server_folder/lib/vscode"
  # spdlog: without it there is no output channel. native-watchdog: ends the extension host when its server is gone.
  (cd "$server_folder/lib/vscode" && npm rebuild --loglevel=error @vscode/spdlog @vscode/native-watchdog >&2)
  rm -rf "$server_folder"/lib/vscode/extensions/copilot "$server_folder"/lib/vscode/node_modules/@github/copilot-sdk-*
  echo "$code_server $node" >"$cache/code-server.done"
}

install_system_packages
install_node
(install_code_server)

cat >"$cache/tools.json" <<END
{
  "node": "$node_folder/bin/node",
  "codeServer": "$server_folder/out/node/entry.js",
  "chromium": "$(command -v chromium)"
}
END
