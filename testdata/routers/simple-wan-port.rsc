# A simple queue on the WAN port: the first limit is the download.
/interface ethernet
set [ find default-name=ether2 ] name=wan-port
/queue type
add cake-diffserv=besteffort cake-flowmode=dual-dsthost cake-nat=yes cake-rtt-scheme=regional kind=cake name=line-rx
add cake-ack-filter=filter cake-flowmode=dual-srchost cake-nat=yes cake-rtt-scheme=regional kind=cake name=line-tx
/queue simple
add max-limit=260M/24M name=line queue=line-rx/line-tx target=wan-port total-queue=default
