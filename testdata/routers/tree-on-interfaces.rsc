# Two queues of the tree on interfaces, without marks: what leaves the LAN bridge
# is the download, what leaves the WAN port the upload, IPv6 included.
/interface bridge
add comment=defconf name=lan-bridge
/interface ethernet
set [ find default-name=ether1 ] name=wan-port
/queue type
add cake-diffserv=besteffort cake-flowmode=dual-dsthost cake-mpu=64 cake-overhead=18 cake-overhead-scheme=docsis kind=cake name=home-down
add cake-ack-filter=filter cake-flowmode=dual-srchost cake-mpu=64 cake-nat=yes cake-overhead=18 cake-overhead-scheme=docsis kind=cake name=home-up
/queue tree
add bucket-size=0.01 max-limit=180M name=cable-down packet-mark=no-mark parent=lan-bridge queue=home-down
add bucket-size=0.01 max-limit=17M name=cable-up packet-mark=no-mark parent=wan-port queue=home-up
