#!/bin/sh
# After an installation or an upgrade, of deb, rpm and apk alike, and of `make install`
# by root: the user of the services, who may read /etc/wanctl.
set -e
# Before systemd 256 systemd-sysusers does not look below /usr/local.
if command -v systemd-sysusers >/dev/null 2>&1; then
	systemd-sysusers wanctl.conf 2>/dev/null || true
fi
if ! getent passwd wanctl >/dev/null 2>&1 && ! grep -q '^wanctl:' /etc/passwd; then
	if command -v useradd >/dev/null 2>&1; then
		useradd --system --user-group --home-dir /var/lib/wanctl --no-create-home --shell /usr/sbin/nologin wanctl
	elif command -v adduser >/dev/null 2>&1; then # busybox
		addgroup -S wanctl 2>/dev/null || true
		adduser -S -D -H -h /var/lib/wanctl -s /sbin/nologin -G wanctl wanctl
	fi
fi
if grep -q '^wanctl:' /etc/group; then
	chgrp wanctl /etc/wanctl /etc/wanctl/*.yaml.example || true
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	# Does nothing to what does not run.
	systemctl try-restart 'wanctl@*.service' wanctl.service wanctl-steer.service wanctl-serve.service || true
fi
exit 0
