#!/bin/sh
# Makes the secrets of compose.yaml, each in a file of its own. Files that are there already are kept.
#   sh deploy/secrets.sh [folder]      (default: deploy/secrets)
set -eu

folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
# The folder keeps others out on this machine; the files themselves are mounted, and read by the containers' users.
chmod 700 "$folder"
echo '*' > "$folder/.gitignore"

random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }

keep() { # name, text
  [ -e "$folder/$1" ] && return
  printf '%s\n' "$2" > "$folder/$1"
  chmod 644 "$folder/$1"
  echo "made $folder/$1"
}

keep postgres_password "$(random)"
keep database_migration_url "postgres://roster_owner:$(random)@postgres:5432/roster"
keep database_url "postgres://roster_app:$(random)@postgres:5432/roster"
keep secret_key "$(head -c 32 /dev/urandom | base64)"
keep admin_password "$(random)"
