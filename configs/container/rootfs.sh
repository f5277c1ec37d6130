#!/bin/sh
# Makes the whole root file system of the image: rootfs.sh DIR BINARY. Dockerfile
# calls it; a container engine is not needed. Everything belongs to root but the
# directories that wanctl writes.
set -eu
dir=$1 binary=$2
user=65532 # has no name on the host, and no rights there
roots=/etc/ssl/certs/ca-certificates.crt

[ -s "$roots" ] || { echo "$roots: missing; install ca-certificates" >&2; exit 1; }
install -D -m 0755 "$binary" "$dir/usr/bin/wanctl"
install -D -m 0644 "$roots" "$dir$roots"
install -D -m 0644 "$(go env GOROOT)/lib/time/zoneinfo.zip" "$dir/usr/share/zoneinfo.zip"
install -D -m 0644 LICENSE "$dir/usr/share/licenses/wanctl/LICENSE"
printf 'root:x:0:0:root:/:/sbin/nologin\nwanctl:x:%s:%s:wanctl:/var/lib/wanctl:/sbin/nologin\n' $user $user >"$dir/etc/passwd"
printf 'root:x:0:\nwanctl:x:%s:\n' $user >"$dir/etc/group"
install -d -m 0755 "$dir/etc/wanctl"
install -d -m 1777 "$dir/tmp"
for d in var/lib/wanctl var/log/wanctl run/wanctl; do
	install -d -m 0755 "$dir/$d"
	[ "$(id -u)" != 0 ] || chown $user:$user "$dir/$d"
done
