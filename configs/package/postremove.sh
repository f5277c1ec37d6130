#!/bin/sh
# After a removal. Configurations, state and logs stay; `purge` of a deb removes
# the latter two. Files that somebody wrote into /etc/wanctl are his.
set -e
if [ "$1" = purge ]; then
	rm -rf /var/lib/wanctl /var/log/wanctl /run/wanctl /var/lib/private/wanctl /var/log/private/wanctl
	rmdir /etc/wanctl 2>/dev/null || true
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
exit 0
