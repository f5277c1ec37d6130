# Packet marks in both families of addresses.
/queue type
add cake-bandwidth=0 cake-flowmode=dual-srchost kind=cake name=up-cake
/ip firewall mangle
add action=mark-packet chain=forward comment=upload new-packet-mark=to-wan out-interface=ether1 passthrough=no
/ipv6 firewall mangle
add action=mark-packet chain=forward comment=upload new-packet-mark=to-wan out-interface=ether1 passthrough=no
/queue tree
add max-limit=36M name=upload packet-mark=to-wan parent=global queue=up-cake
