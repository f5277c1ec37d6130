#!/bin/sh
# After a removal. Configurations, state and logs stay; `purge` of a deb removes
# the latter two, and the user. Files that somebody wrote into /etc/wanctl are his.
set -e
if [ "$1" = purge ]; then
	rm -rf /var/lib/wanctl /var/log/wanctl /run/wanctl /var/lib/private/wanctl /var/log/private/wanctl
	rm -f /etc/wanctl/secrets.backup # of wanctl config init
	rmdir /etc/wanctl 2>/dev/null || true
	case "$(getent passwd wanctl)" in
	*:/var/lib/wanctl:*) # ours
		# The number may become somebody else's, who must not read passwords then.
		[ ! -d /etc/wanctl ] || chgrp -R root /etc/wanctl
		userdel wanctl 2>/dev/null || true
		getent group wanctl >/dev/null && groupdel wanctl 2>/dev/null || true
		;;
	esac
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
exit 0
