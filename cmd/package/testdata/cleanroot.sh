# The steps of TestCleanRoot, each by a shell in the root; what is before the first
# step is before each of them.
mount -t proc none /proc
trap 'tail -n 20 /tmp/err*' EXIT
no() { if "$@"; then exit 1; fi; } # "! command" never ends a script
modes() { stat -c '%a %U:%G %n' "$@"; }
# Everything but what dpkg and the C library keep of their own work.
snapshot() {
	find / -xdev \( -path /proc -o -path /dev -o -path /src -o -path /root -o -path /tmp -o -path /run/systemd -o -path /var/lib/dpkg -o -path /var/cache \) -prune -o \
		! -type d ! -name '*-' ! -path /etc/.pwd.lock ! -path /var/log/dpkg.log ! -path /var/log/alternatives.log -printf '%M %u:%g %p\n' \
		-o -type d -path '*wanctl*' -printf '%M %u:%g %p\n' | sort
	sort /etc/passwd /etc/group /etc/shadow /etc/gshadow
}
# Starts a unit's program as systemd does: its user, environment, directories, rights.
unit() { # NAME INSTANCE ARGUMENT..., in a subshell
	file=$(ls /usr/lib/systemd/system/"$1" /usr/local/lib/systemd/system/"$1" 2>/dev/null | tail -n 1)
	instance=$2
	shift 2
	user=$(sed -n 's/^User=//p' "$file")
	install -d -o "$user" -g "$user" "/var/lib/$(sed -n 's/^StateDirectory=//p' "$file")" \
		"/var/log/$(sed -n 's/^LogsDirectory=//p' "$file")" "/run/$(sed -n 's/^RuntimeDirectory=//p' "$file")"
	secrets=$(sed -n 's/^EnvironmentFile=-//p' "$file")
	command=$(sed -n 's/^ExecStart=//p' "$file" | sed "s/%i/$instance/g")
	caps=-all
	! grep -q '^AmbientCapabilities=CAP_NET_RAW' "$file" || caps=-all,+net_raw
	exec env -i PATH="$PATH" $(sed -n 's/^Environment=//p' "$file") sh -c 'set -a; [ -z "$0" ] || . "$0"; exec "$@"' "$secrets" \
		setpriv --reuid "$user" --regid "$user" --init-groups --no-new-privs --bounding-set "$caps" --inh-caps "$caps" --ambient-caps "$caps" \
		$command "$@"
}
router() { # as a router at 127.0.0.1:$port
	export ROUTER_PASSWORD=secret
	rm -f /tmp/ready
	wanctl sim router --listen 127.0.0.1:0 --ready-file /tmp/ready --user wanctl --password-env ROUTER_PASSWORD -q &
	until [ -s /tmp/ready ]; do sleep 0.05; done
	unset ROUTER_PASSWORD
	port=$(sed -n '1s/.*://p' /tmp/ready)
	[ ! -e /etc/wanctl/spectrum.yaml ] || sed -i "s/^  port: .*/  port: $port/; s/^  tls_fingerprint.*//" /etc/wanctl/spectrum.yaml
}
stop() { # PID, which has two seconds
	kill -TERM "$1"
	timeout 2 tail --pid "$1" -f /dev/null
	wait "$1"
}

### install
snapshot >/root/before
dpkg -i v0.0.1.deb </dev/null
getent passwd wanctl | grep ':/var/lib/wanctl:/usr/sbin/nologin$'
test "$(modes /etc/wanctl /etc/wanctl/*)" = "750 root:wanctl /etc/wanctl
640 root:wanctl /etc/wanctl/node.yaml.example
600 root:root /etc/wanctl/secrets
640 root:wanctl /etc/wanctl/steering.yaml.example
640 root:wanctl /etc/wanctl/wan.yaml.example"
test -z "$(dpkg --verify wanctl)"
wanctl version | grep -F 0.0.1
setpriv --reuid nobody --regid nogroup --clear-groups wanctl version
logrotate --debug /etc/logrotate.d/wanctl
for u in wanctl wanctl@spectrum wanctl-steer wanctl-serve; do
	systemd-analyze verify --man=no "$u.service" 2>&1 | grep -v "'RestartSteps'\|'RestartMaxDelaySec'" >/tmp/verify || true # before 254
	test ! -s /tmp/verify || { cat /tmp/verify; exit 1; }
done
# Nothing is there to run yet, which each says with a path that exists here.
if (unit wanctl@.service spectrum) 2>/tmp/err; then exit 1; fi
grep "^wanctl: /etc/wanctl/spectrum.yaml: no such file.*'wanctl config init'.*/usr/share/wanctl/wanctl.yaml" /tmp/err
if (unit wanctl-steer.service '') 2>/tmp/err; then exit 1; fi
grep "^wanctl: /etc/wanctl/steering.yaml: no such file.*/usr/share/wanctl/steering.yaml" /tmp/err

### the unit's command line as the unit's user
router
ROUTER_PASSWORD=secret wanctl config init --wan spectrum --host 127.0.0.1:$port --fingerprint accept --line cable --download 500M --upload 40M \
	--download-queue WAN-Download-1 --upload-queue WAN-Upload-1
printf '  ping_hosts: [127.0.0.1, 127.0.0.2, 127.0.0.3]\n' >>/etc/wanctl/spectrum.yaml
test "$(modes /etc/wanctl/spectrum.yaml /etc/wanctl/secrets)" = "640 root:wanctl /etc/wanctl/spectrum.yaml
600 root:root /etc/wanctl/secrets"
unit wanctl@.service spectrum 2>/tmp/err &
loop=$!
until wanctl health /run/wanctl/spectrum.sock; do sleep 0.1; kill -0 $loop; done
wanctl status | grep spectrum
unit wanctl-serve.service '' 2>/tmp/err.serve &
serve=$!
until wanctl health 127.0.0.1:9103; do sleep 0.1; kill -0 $serve; done
stop $serve
stop $loop
no grep -i 'level=ERROR\|permission denied' /tmp/err /tmp/err.serve
test "$(modes /var/lib/wanctl/spectrum_state.json)" = "600 wanctl:wanctl /var/lib/wanctl/spectrum_state.json"
test -s /var/log/wanctl/spectrum.log
unit wanctl.service '' 2>/tmp/err &
loop=$!
until wanctl health /run/wanctl/spectrum.sock; do sleep 0.1; kill -0 $loop; done
stop $loop
no grep -i 'level=ERROR\|permission denied' /tmp/err
# By hand as root in between: what that makes is the service's, too.
rm -r /var/log/wanctl/* /var/lib/wanctl/*
wanctl shape --wan spectrum --duration 1s
(unit wanctl@.service spectrum --duration 1s) 2>/tmp/err
no grep -i 'level=ERROR\|level=WARN\|permission denied' /tmp/err
chown root /var/log/wanctl/spectrum.log
(unit wanctl@.service spectrum --duration 1s) 2>/tmp/err
grep 'sudo chown --reference=/var/log/wanctl /var/log/wanctl/spectrum.log' /tmp/err
chown --reference=/var/log/wanctl /var/log/wanctl/spectrum.log

### upgrade over changed configurations
echo '# mine' >>/etc/logrotate.d/wanctl
echo '# mine' >>/etc/wanctl/secrets
rm /etc/wanctl/steering.yaml.example
md5sum /etc/wanctl/* /etc/logrotate.d/wanctl >/root/sums
dpkg -i v0.0.2.deb </dev/null >/tmp/out
no grep -i 'conf.*file' /tmp/out
md5sum -c /root/sums
test ! -e /etc/wanctl/steering.yaml.example
wanctl version | grep -F 0.0.2
test "$(modes /etc/wanctl /etc/wanctl/secrets)" = "750 root:wanctl /etc/wanctl
600 root:root /etc/wanctl/secrets"
# A later version may change what nobody changed here.
dpkg-deb -R v0.0.2.deb /tmp/later
echo '# later' >>/tmp/later/etc/wanctl/wan.yaml.example
sed -i 's/^Version: .*/Version: 0.0.3/' /tmp/later/DEBIAN/control
dpkg-deb -Zgzip -z1 -b /tmp/later /root/v0.0.3.deb
dpkg -i v0.0.3.deb </dev/null
grep later /etc/wanctl/wan.yaml.example
test "$(modes /etc/wanctl/wan.yaml.example)" = "640 root:wanctl /etc/wanctl/wan.yaml.example"

### removal
systemctl enable wanctl@spectrum wanctl-serve
test -h /etc/systemd/system/multi-user.target.wants/wanctl@spectrum.service
dpkg -r wanctl
test ! -e /usr/bin/wanctl
test -z "$(find /etc/systemd -name '*wanctl*')"
test -s /var/lib/wanctl/spectrum_state.json
grep mine /etc/wanctl/secrets
test -s /etc/wanctl/spectrum.yaml

### another installation after the removal
dpkg -i v0.0.2.deb </dev/null
grep mine /etc/wanctl/secrets
router
(unit wanctl@.service spectrum --duration 1s) 2>/tmp/err
no grep -i 'level=ERROR\|permission denied' /tmp/err

### purge
dpkg -P wanctl
# What somebody wrote stays, and is nobody's but root's.
test "$(find /etc/wanctl -printf '%u:%g %p\n')" = "root:root /etc/wanctl
root:root /etc/wanctl/spectrum.yaml"
rm -r /etc/wanctl
snapshot >/root/after
diff /root/before /root/after

### purge without a removal before, and of what was never used
mv /usr/bin/systemd-sysusers /root # then useradd makes the user
dpkg -i v0.0.1.deb </dev/null
getent passwd wanctl
dpkg -P wanctl
mv /root/systemd-sysusers /usr/bin
snapshot >/root/after
diff /root/before /root/after

### make install, without Go
cd /src
no command -v go
make -s install
test "$(command -v wanctl)" = /usr/local/bin/wanctl
systemd-analyze verify --man=no wanctl@spectrum.service 2>&1 | grep -v "'RestartSteps'\|'RestartMaxDelaySec'" >/tmp/verify || true
test ! -s /tmp/verify || { cat /tmp/verify; exit 1; }
if (unit wanctl@.service spectrum) 2>/tmp/err; then exit 1; fi
grep "/usr/local/share/wanctl/wanctl.yaml" /tmp/err
test "$(modes /etc/wanctl /etc/wanctl/secrets)" = "750 root:wanctl /etc/wanctl
600 root:root /etc/wanctl/secrets"
systemctl enable wanctl-serve
echo '# mine' >>/etc/wanctl/secrets
umask 077
make -s install
grep mine /etc/wanctl/secrets
test "$(modes /usr/local/bin/wanctl /usr/local/share/wanctl)" = "755 root:root /usr/local/bin/wanctl
755 root:root /usr/local/share/wanctl"
make -s uninstall
test -z "$(find /etc/systemd -name '*wanctl*')"
snapshot >/root/after
diff /root/before /root/after | grep '^[<>]' | grep -v '^> [^ ]* [^ ]* \(/etc/wanctl\|/etc/logrotate.d/wanctl\|/run/wanctl$\|/var/lib/wanctl$\|/var/log/wanctl$\)\|^> wanctl:' >/tmp/left || true
test ! -s /tmp/left || { cat /tmp/left; exit 1; }
grep mine /etc/wanctl/secrets
