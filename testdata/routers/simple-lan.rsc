# A simple queue on the LAN: the first limit is what the LAN sends, the upload. One
# type serves both directions.
/queue type
add cake-ack-filter=filter cake-diffserv=diffserv4 cake-mpu=84 cake-nat=yes cake-overhead=42 \
    cake-overhead-scheme=ethernet,ether-vlan cake-rtt-scheme=internet kind=cake name=vlan-cake
/queue simple
add dst=sfp1 max-limit=15M/80M name=house queue=vlan-cake/vlan-cake target=192.168.30.0/24,fd00:30::/64
