# Two WANs with per-connection classifiers.
/routing table
add disabled=no fib name=to-b
/ip firewall mangle
add action=mark-connection chain=prerouting connection-mark=no-mark dst-address-type=!local in-interface=lan-bridge \
    new-connection-mark=via-b passthrough=yes per-connection-classifier=both-addresses:2/1
add action=mark-routing chain=prerouting connection-mark=via-b in-interface=lan-bridge new-routing-mark=to-b passthrough=yes
add action=change-mss chain=forward connection-rate=0-1M new-mss=clamp-to-pmtu passthrough=yes protocol=tcp tcp-flags=syn
/ip route
add check-gateway=ping disabled=no distance=1 dst-address=0.0.0.0/0 gateway=198.51.100.1 pref-src="" routing-table=to-b \
    scope=30 suppress-hw-offload=no target-scope=10
