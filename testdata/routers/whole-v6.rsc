# A whole export of version 6: odd values, escapes, built-in rows set by condition or
# number, and arguments that mean nothing to the simulated router.
/interface bridge
add admin-mac=00:00:5E:00:53:01 auto-mac=no name=bridge protocol-mode=none
/interface ethernet
set [ find default-name=ether1 ] advertise=10M-half,10M-full comment="WAN (pppoe)" mac-address=00:00:5E:00:53:02
/interface wireless
set [ find default-name=wlan1 ] band=2ghz-b/g/n channel-width=20/40mhz-XX country=no_country_set ssid=MikroTik
/interface pppoe-client
add add-default-route=yes disabled=no interface=ether1 name=pppoe-out1 user=x@example.net
/interface wireless security-profiles
set [ find default=yes ] supplicant-identity=MikroTik
/ip dhcp-client option
set clientid_duid code=61 name=clientid_duid value="0xff\$(CLIENT_DUID)"
/ip firewall layer7-protocol
add name=bt regexp="^(\\x13bittorrent protocol|azver\\x01\$|get /scrape\\\?info_hash=)"
/queue simple
add burst-limit=10M/20M burst-threshold=5M/10M burst-time=8s/8s limit-at=1M/2M max-limit=5M/10M name="Guest WiFi" \
    packet-marks=guest priority=7/7 queue=pcq-upload-default/pcq-download-default target=10.0.5.0/24 time=8h-18h,mon,tue
add disabled=yes max-limit=2M/2M name=child parent="Guest WiFi" target=10.0.5.7/32
/queue type
set [ find default=yes name=default-small ] pfifo-limit=20
/queue tree
add comment="T\FCr" limit-at=10M max-limit=100M name="Download gesamt" parent=bridge queue=default
add max-limit=100M name=web packet-mark=web parent="Download gesamt" priority=3 queue=pcq-download-default
/user group
set full policy=local,telnet,ssh,ftp,reboot,read,write,policy,test,winbox,password,web,sniff,sensitive,api,romon,dude,tikapp
/ip firewall address-list
add address=0.0.0.0/8 comment="RFC 1122 \"this network\"" list=bogons
add address=cloud.example.net list=cloud
add address=10.0.0.1-10.0.0.20 list=range timeout=1d
/ip firewall filter
add action=drop chain=input in-interface-list=!LAN log=yes log-prefix="DROP: "
/ip firewall mangle
add action=mark-packet chain=postrouting dscp=46 new-packet-mark=voip passthrough=no src-mac-address=00:00:5E:00:53:03 \
    time=8h-18h,mon
add action=sniff-tzsp chain=prerouting disabled=yes sniff-target=192.168.1.2 sniff-target-port=37008
add action=mark-connection chain=forward limit=10,5:packet nth=2,1 content=x new-connection-mark=a !src-address
/ip route
add blackhole comment=bogus disabled=no distance=254 dst-address=10.0.0.0/8 gateway="" routing-table=main
add distance=1 gateway=pppoe-out1 type=blackhole
/ip route rule
add src-address=10.0.0.0/8 table=a
/ip service
set telnet disabled=yes
set api address=192.168.1.0/24,10.0.0.1 max-sessions=30
set 3 disabled=yes
/ip ssh
set strong-crypto=yes
/ipv6 firewall address-list
add address=::/128 comment="defconf: unspecified address" list=bad_ipv6
add address=::224.0.0.0/100 comment="defconf: other" list=bad_ipv6
add address=fe80::/16 list=allowed
/ipv6 nd
set [ find default=yes ] advertise-dns=no
/system clock
set time-zone-name=Europe/Berlin
/system identity
set name="My Router"
/system note
set note="line1\r\
    \nline2" show-at-login=yes
/system script
add dont-require-permissions=no name=ddns owner=admin policy=ftp,reboot,read,write,policy,test,password,sniff,sensitive,romon source="# comment\r\
    \n:local ip [/ip address get [find interface=\"pppoe-out1\"] address]\r\
    \n/tool fetch url=\"https://example.net/\?ip=\$ip\"\r\
    \n"
/tool mac-server
set allowed-interface-list=LAN
/tool netwatch
add down-script="/ip route disable [find comment=\"a\"]" host=192.0.2.1 up-script=":log info up"
/user aaa
set default-group=read
/user
add address="" comment=ops disabled=no group=full name=ops
/user ssh-keys
import public-key-file=id.pub user=ops
