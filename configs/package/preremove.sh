#!/bin/sh
# Before a removal, and before the old version goes at an upgrade: deb and ipk say
# "upgrade" or "failed-upgrade" then, rpm 1.
set -e
case "$1" in
upgrade | failed-upgrade | 1) exit 0 ;;
esac
[ -z "$IPKG_INSTROOT" ] && [ "$PKG_UPGRADE" != 1 ] || exit 0 # OpenWrt
if [ -d /run/systemd/system ]; then
	# Only stop takes patterns.
	systemctl stop 'wanctl@*.service' wanctl.service wanctl-steer.service wanctl-serve.service || true
elif [ -d /run/openrc ]; then
	for script in /etc/init.d/wanctl /etc/init.d/wanctl.*; do
		[ ! -e "$script" ] || rc-service --ifstarted "${script##*/}" stop || true
		[ ! -e "$script" ] || rc-update --all --quiet delete "${script##*/}" || true
	done
elif [ -e /etc/rc.common ]; then
	/etc/init.d/wanctl stop || true
	/etc/init.d/wanctl disable || true
fi
# Links of units that are gone would be left, in an image that is being made, too.
if command -v systemctl >/dev/null 2>&1; then
	systemctl disable wanctl@.service wanctl.service wanctl-steer.service wanctl-serve.service 2>/dev/null || true
fi
exit 0
