# A small home router with two WANs, as wanctl finds it: two CAKE queues that
# it moves, one mangle rule that it switches, and a user that may do just that.
# 'wanctl sim router --script FILE' starts from another file of this form.

/system identity set name=simrouter

/interface
add name=ether1-wan type=ether comment="primary WAN"
add name=ether2-wan type=ether comment="alternate WAN"
add name=bridge1 type=bridge

/queue type
add name=cake-down-1 kind=cake cake-diffserv=diffserv4 cake-flowmode=dual-dsthost \
    cake-nat=yes cake-wash=yes cake-overhead=18 cake-mpu=64 cake-rtt=50ms
add name=cake-up-1 kind=cake cake-diffserv=diffserv4 cake-flowmode=dual-srchost \
    cake-nat=yes cake-ack-filter=filter cake-overhead=18 cake-mpu=64 cake-rtt=50ms

/queue tree
add name=WAN-Download-1 parent=bridge1 packet-mark=wan1-download queue=cake-down-1 max-limit=500M bucket-size=0.05
add name=WAN-Upload-1 parent=ether1-wan packet-mark=wan1-upload queue=cake-up-1 max-limit=40M bucket-size=0.05

/ip firewall address-list
add list=FORCE_OUT_ALT address=192.168.88.50 comment="game console"

/ip firewall mangle
add chain=forward action=mark-packet new-packet-mark=wan1-download passthrough=yes in-interface=ether1-wan comment="wan1 download"
add chain=postrouting action=mark-packet new-packet-mark=wan1-upload passthrough=yes out-interface=ether1-wan comment="wan1 upload"
add chain=prerouting action=mark-routing new-routing-mark=to-alternate passthrough=no connection-mark=latency-sensitive \
    connection-state=new disabled=yes comment="ADAPTIVE: Steer latency-sensitive traffic"

/ip route
add dst-address=0.0.0.0/0 gateway=ether1-wan distance=1
add dst-address=0.0.0.0/0 gateway=ether2-wan distance=1 routing-table=to-alternate

/system script
add name=steer-on policy=read,write source="/ip firewall mangle enable [find comment=\"ADAPTIVE: Steer latency-sensitive traffic\"]"
add name=steer-off policy=read,write source="/ip firewall mangle disable [find comment=\"ADAPTIVE: Steer latency-sensitive traffic\"]"

/user group
add name=wanctl policy=read,write,rest-api,api,ssh comment="what wanctl needs"

/user
add name=admin group=full
add name=wanctl group=wanctl password=wanctl
