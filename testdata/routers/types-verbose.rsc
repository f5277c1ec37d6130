# /export verbose: every argument is written, built-in types have the numbers of
# their version.
/queue type
set 0 kind=pfifo name=default pfifo-limit=50
set 9 kind=pcq name=pcq-upload-default pcq-burst-rate=0 pcq-burst-threshold=0 pcq-burst-time=10s \
    pcq-classifier=src-address pcq-dst-address-mask=32 pcq-dst-address6-mask=128 pcq-limit=50KiB pcq-rate=0 \
    pcq-src-address-mask=32 pcq-src-address6-mask=128 pcq-total-limit=2000KiB
add cake-ack-filter=aggressive cake-atm=ptm cake-bandwidth=0bps cake-diffserv=diffserv4 cake-flowmode=triple-isolate \
    cake-nat=yes cake-overhead=30 cake-overhead-scheme=pppoe-ptm cake-rtt=30ms cake-wash=no kind=cake name=vdsl-up
add kind=red name=red1 red-avg-packet=1000 red-burst=20 red-limit=60 red-max-threshold=50 red-min-threshold=10
/queue tree
add bucket-size=0 burst-limit=0 burst-threshold=0 burst-time=0s comment="VDSL up" disabled=no limit-at=0 max-limit=9500k \
    name=vdsl-up packet-mark=vdsl-out parent=global priority=8 queue=vdsl-up
