#!/bin/sh
# Compares files and modes of the packages in DIR with the list of what `make
# install` installs: check.sh DIR CONTENTS. A format whose tools this machine lacks
# is named.
set -eu
dir=$1 contents=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# Places that differ from format to format.
places() { grep -vE '/zsh/|/licenses/|/copyright$|/init\.d/' | sort; }

awk '$2 == "dir" { print "d" $1, $3; next } { print "-" $1, $3 }' "$contents" | places >"$tmp/want"
octal() { # "-rwxr-x---" to "-0750"
	awk '{ m = 0; for (i = 2; i <= 10; i++) m = 2 * m + (substr($1, i, 1) != "-");
	  printf "%s%04o %s\n", substr($1, 1, 1), m, $2 }'
}
files() { grep -E '^-|^d[0-9]+ /etc/wanctl$' | places; }
compare() {
	diff "$tmp/want" "$tmp/$1" >&2 || { echo "$1: not what 'make install' installs" >&2; exit 1; }
	echo "$1: $(wc -l <"$tmp/$1") files and directories as in 'make install'"
}

for p in "$dir"/*.deb; do
	command -v dpkg-deb >/dev/null || { echo "deb: not checked, no dpkg-deb here"; break; }
	dpkg-deb -c "$p" | awk '{ sub(/^\./, "", $6); sub(/\/$/, "", $6); print $1, $6 }' | octal | files >"$tmp/deb"
	compare deb
done
for p in "$dir"/*.rpm; do
	command -v rpm >/dev/null || { echo "rpm: not checked, no rpm here"; break; }
	rpm -qp --nosignature --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "$p" | octal | files >"$tmp/rpm"
	compare rpm
done
for p in "$dir"/*.apk; do
	tar -tvzf "$p" 2>/dev/null | awk '$6 ~ /^\.(PKGINFO|SIGN|post|pre)/ { next } { sub(/\/$/, "", $6); print $1, "/" $6 }' | octal | files >"$tmp/apk"
	compare apk
done
