# wanctl as a container on the router that it controls: RouterOS 7.21 or later on
# arm, arm64 or amd64, with the container package and a disk. It cannot enable
# containers by itself; see wanctl-container(7). Before 7.21 write name= for list=
# below /container/mounts and mounts= for mountlists=; before 7.20 also name= for
# list= below /container/envs and envlist= for envlists=.
#
# The container reaches the router at the gateway of its own link, and only that
# address may use its account.
/interface/veth
add name=veth-wanctl address=172.30.255.2/30 gateway=172.30.255.1
/ip/address
add address=172.30.255.1/30 interface=veth-wanctl
# Probes leave to the Internet as everything else does.
/ip/firewall/nat
add chain=srcnat action=masquerade src-address=172.30.255.2 comment=wanctl
/user/group
add name=wanctl policy=read,write,api,rest-api
/user
add name=wanctl group=wanctl address=172.30.255.2/32 password=CHANGE-ME
/container/envs
add list=wanctl key=WANCTL_MODE value=shape
add list=wanctl key=ROUTER_PASSWORD value=CHANGE-ME
/container/mounts
add list=wanctl src=/disk1/wanctl/etc dst=/etc/wanctl
add list=wanctl src=/disk1/wanctl/state dst=/var/lib/wanctl
add list=wanctl src=/disk1/wanctl/log dst=/var/log/wanctl
# dist/wanctl-image-arm64.tar of 'make image', copied to the disk.
/container
add name=wanctl file=disk1/wanctl-image-arm64.tar interface=veth-wanctl root-dir=disk1/wanctl/root envlists=wanctl mountlists=wanctl logging=yes start-on-boot=yes
