#!/bin/sh
# Installs or removes what `make build` has listed in a contents file:
#   install.sh install|uninstall CONTENTS DESTDIR PREFIX
# Files below /usr go below PREFIX; the texts that name them there are adapted. A
# configuration that exists is kept, and so is everything in /etc at the removal.
set -eu
action=$1 contents=$2 destdir=$3 prefix=$4

# What packages do beside their files, unless those are for elsewhere.
script() {
	if [ -z "$destdir" ] && [ "$(id -u)" = 0 ]; then sh "configs/package/$1.sh" remove; fi
}
[ "$action" = install ] || script preremove
while read -r mode kind dst src; do
	case "$dst" in
	/usr/*) at=$destdir$prefix${dst#/usr} ;;
	*) at=$destdir$dst ;;
	esac
	case "$action:$kind" in
	install:dir) install -d -m "$mode" "$at" ;;
	install:*)
		[ "$kind" = config ] && [ -e "$at" ] && continue
		install -D -m "$mode" "$src" "$at"
		case "$src" in
		configs/*.yaml | configs/systemd/*)
			[ "$prefix" = /usr ] || sed -i "s,/usr/bin/wanctl,$prefix/bin/wanctl,g; s,/usr/share/wanctl,$prefix/share/wanctl,g" "$at"
			;;
		esac
		;;
	uninstall:file)
		case "$dst" in
		/usr/*)
			rm -f "$at"
			dir=$(dirname "$at")
			case "$dir" in */wanctl | */wanctl/*) rmdir -p --ignore-fail-on-non-empty "$dir" 2>/dev/null || true ;; esac
			;;
		esac
		;;
	esac
done <"$contents"
if [ "$action" = install ]; then script postinstall; else script postremove; fi
