#!/bin/sh
# After an installation or an upgrade, of every package format, and of `make install`
# by root: the user of the services, who may read /etc/wanctl, and what already runs is
# started again. Nothing is enabled.
set -e
[ -z "$IPKG_INSTROOT" ] || exit 0 # an image of OpenWrt is being made
# Before systemd 256 systemd-sysusers does not look below /usr/local.
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers wanctl.conf 2>/dev/null || true
fi
if [ ! -e /etc/rc.common ] && ! getent passwd wanctl >/dev/null 2>&1 && ! grep -q '^wanctl:' /etc/passwd; then
	if command -v useradd >/dev/null 2>&1; then
		useradd --system --user-group --home-dir /var/lib/wanctl --no-create-home --shell /usr/sbin/nologin wanctl
	elif command -v adduser >/dev/null 2>&1; then # busybox
		addgroup -S wanctl 2>/dev/null || true
		adduser -S -D -H -h /var/lib/wanctl -s /sbin/nologin -G wanctl wanctl
	fi
fi
if grep -q '^wanctl:' /etc/group; then
	chgrp wanctl /etc/wanctl
	for file in /etc/wanctl/*.yaml.example; do # unless somebody removed them
		[ ! -e "$file" ] || chgrp wanctl "$file"
	done
fi
# None of these does anything to what does not run.
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	systemctl try-restart 'wanctl@*.service' wanctl.service wanctl-steer.service wanctl-serve.service || true
elif [ -d /run/openrc ]; then
	for script in /etc/init.d/wanctl /etc/init.d/wanctl.*; do
		[ ! -e "$script" ] || rc-service --ifstarted "${script##*/}" restart || true
	done
elif [ -e /etc/rc.common ] && /etc/init.d/wanctl running; then
	/etc/init.d/wanctl restart || true
fi
exit 0
