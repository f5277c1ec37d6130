#!/bin/sh
# Before a removal, and before the old version goes at an upgrade: deb says
# "upgrade" or "failed-upgrade" then, rpm 1.
set -e
case "$1" in
upgrade | failed-upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	# Only stop takes patterns.
	systemctl stop 'wanctl@*.service' wanctl.service wanctl-steer.service wanctl-serve.service || true
	systemctl disable wanctl@.service wanctl.service wanctl-steer.service wanctl-serve.service || true
fi
exit 0
